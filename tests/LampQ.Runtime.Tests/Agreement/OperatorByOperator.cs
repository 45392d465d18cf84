using System.Globalization;
using System.Text.RegularExpressions;
using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>A code of a fused operator, beside ONNX Runtime's.</summary>
/// <param name="Operator">Name of the node.</param>
/// <param name="Ours">LampQ's code.</param>
/// <param name="Theirs">ONNX Runtime's.</param>
/// <param name="Exact">What was to be rounded, in steps, in double precision.</param>
/// <param name="Slack">How far codes of an attention map that may be rounded either way move it.</param>
sealed record CodePair(string Operator, byte Ours, byte Theirs, double Exact, double Slack)
{
    /// <summary>Steps between the value and the nearest tie, less the slack.</summary>
    public double DistanceToTie => Math.Max(0, Math.Abs(Exact - Math.Floor(Exact) - .5) - Slack);
}

/// <summary>A float of a fused operator, beside ONNX Runtime's.</summary>
sealed record FloatPair(string Operator, float Ours, float Theirs);

/// <summary>
/// Gives every fused operator of a portable model ONNX Runtime's own values as inputs, so that a difference is that operator's own, and pairs its codes with those
/// ONNX Runtime computes from the same values.
/// </summary>
sealed class OperatorByOperator
{
    readonly Model lowered, written;
    readonly FloatView view;
    readonly List<(Node Node, Value Output, string Name, Func<Tensor, byte[]> Arrange)> compared = [];
    readonly List<(Node Node, string Residual, string Name)> sums = [];
    readonly Dictionary<Value, Feed> known = [];

    sealed record Feed(string[] Names, Func<Tensor[], Tensor> Arrange);

    OperatorByOperator(Model qdq)
    {
        lowered = new Lowering { SelectTokensEarly = false }.Apply(qdq);
        written = qdq.Clone();
        view = new FloatView(written);
        foreach (var node in lowered.Graph.Nodes.Where(n => n.Domain == LampQDomain.Name))
            if (written.Graph.Find($"{node.Name}.input.quantized") is { } codes)
                KnowCodes(node, codes.Name);
        foreach (var attention in view.Structure.Attentions)
            KnowOperands(attention);
        foreach (var layer in view.Structure.Layers)
            if (LinearSites.Of(layer, written.Graph, view, out _) is { } site && site.Output.OnlyConsumer is { } add && add.Is("Add") && lowered.Graph.Nodes.FirstOrDefault(n => n.Name == site.Name) is { OpType: "Linear" } sum && sum.Input(5) is not null)
                sums.Add((sum, add.Input(add.Input(0) == site.Output ? 1 : 0)!.Name, add.Output.Name));
        var norms = qdq.Clone().Graph;
        foreach (var norm in view.Structure.Norms)
            if (NormSite.Of(norm, norms) is { } site && lowered.Graph.Nodes.FirstOrDefault(n => n.Name == $"{site.Name}.norm") is { } node)
                known.TryAdd(node.Input(0)!, new([site.Input.Name], t => t[0]));
    }

    /// <summary>Every code, and every float of the layers with a residual, of the operators whose inputs and outputs exist in the graph as it is written.</summary>
    /// <param name="qdq">A portable model.</param>
    /// <param name="image">One image.</param>
    /// <param name="optimized">Whether ONNX Runtime optimizes its graph (integer products) or runs it as it is written (float products).</param>
    /// <param name="blocks">Only the operators of so many blocks.</param>
    public static (IReadOnlyList<CodePair> Codes, IReadOnlyList<FloatPair> Floats) Compare(Model qdq, Tensor image, bool optimized, int blocks) =>
        new OperatorByOperator(qdq).Run(image, optimized, blocks);

    void KnowCodes(Node node, string name)
    {
        var input = node.Input(0)!;
        if (known.ContainsKey(input) || input.Producer is { OpType: "PatchesQuantize" })
            return;
        known[input] = new([name], t => Tensor.OfBytes(ElementType.UInt8, t[0].Bytes, Rows(t[0].Shape)));
        if (input.Producer is { Domain: LampQDomain.Name } producer)
            compared.Add((producer, input, name, t => t.Bytes.ToArray()));

        static long[] Rows(IReadOnlyList<long> shape) => shape.Count == 3 ? [.. shape] : [1, .. shape];
    }

    /// <summary>q [B, H, T, d], k [B, H, d, T] and v [B, H, T, d] as columns [B, T, ...] of one tensor.</summary>
    void KnowOperands(Attention attention)
    {
        if (lowered.Graph.Nodes.FirstOrDefault(n => n.Name == $"attention.{attention.Block}") is not { } node || node.Input(0) != node.Input(1) || node.Input(0) != node.Input(2))
            return;
        string[] names = [CodesOf(attention.Scores, 0), CodesOf(attention.Scores, 1), CodesOf(attention.Context, 1)];
        int heads = attention.Heads, size = attention.HeadSize, columns = (int)node.Input(0)!.Producer!.Int("out_features");
        int[] offsets = [(int)node.Int("q_offset"), (int)node.Int("k_offset"), (int)node.Int("v_offset")];
        known[node.Input(0)!] = new(names, Joined);
        // The layer's own codes: all three, put together.
        if (node.Input(0)!.Producer is { OpType: "LinearQuantize" } layer)
            for (int i = 0; i < 3; i++)
            {
                int operand = i;
                compared.Add((layer, layer.Output, names[i], t => Part(t, operand)));
            }

        string CodesOf(Node viewed, int index) => QdqActivation.Match(written.Graph.Find(viewed.Output.Name)!.Producer!.Input(index)!)!.Quantize.Output.Name;

        Tensor Joined(Tensor[] parts)
        {
            int tokens = (int)parts[0].Shape[2];
            var joined = new byte[tokens * columns];
            for (int operand = 0; operand < 3; operand++)
                for (int token = 0; token < tokens; token++)
                    for (int c = 0; c < heads * size; c++)
                        joined[token * columns + offsets[operand] + c] = At(parts[operand], operand, token, c);
            return Tensor.Of(joined, [1, tokens, columns]);
        }

        byte[] Part(Tensor part, int operand)
        {
            int tokens = (int)part.Shape[operand == 1 ? 3 : 2];
            var codes = new byte[tokens * heads * size];
            for (int token = 0; token < tokens; token++)
                for (int c = 0; c < heads * size; c++)
                    codes[token * heads * size + c] = At(part, operand, token, c);
            return codes;
        }

        byte At(Tensor part, int operand, int token, int c)
        {
            int tokens = (int)part.Shape[operand == 1 ? 3 : 2], head = c / size, inHead = c % size;
            return part.Bytes.Span[operand == 1 ? (head * size + inHead) * tokens + token : (head * tokens + token) * size + inHead];
        }
    }

    static int BlockOf(Node node) => Regex.Match(node.Name, @"(blocks|attention)\.(\d+)") is { Success: true } match ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : int.MaxValue;

    (IReadOnlyList<CodePair>, IReadOnlyList<FloatPair>) Run(Tensor image, bool optimized, int blocks)
    {
        var nodes = compared.Where(c => known.ContainsKey(c.Node.Input(0)!) && BlockOf(c.Node) < blocks).ToArray();
        sums.RemoveAll(s => BlockOf(s.Node) >= blocks);
        // What ONNX Runtime computes.
        string[] wanted = [.. nodes.Select(c => c.Name).Concat(nodes.Select(c => c.Node).Concat(sums.Select(s => s.Node)).SelectMany(n => known[n.Input(0)!].Names)).Concat(sums.SelectMany(s => new[] { s.Residual, s.Name })).Distinct()];
        foreach (string name in wanted.Where(n => !written.Graph.Find(n)!.IsGraphInput))
            if (!written.Graph.Find(name)!.IsGraphOutput)
                written.Graph.AddOutput(written.Graph.Find(name)!);
        Dictionary<string, Tensor> theirs;
        using (var session = new OnnxSession(written, new OnnxSessionOptions { Threads = 1, Optimize = optimized }))
            theirs = wanted.Zip(session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image }, wanted)).ToDictionary(p => p.First, p => p.Second);

        // What the operators make of it.
        var graph = lowered.Graph;
        var feeds = new Dictionary<string, Tensor>();
        var operands = new Dictionary<Node, Tensor>();
        foreach (var node in nodes.Select(c => c.Node).Concat(sums.Select(s => s.Node)).Distinct())
        {
            var feed = known[node.Input(0)!];
            var tensor = operands[node] = feed.Arrange([.. feed.Names.Select(n => theirs[n])]);
            var input = graph.AddInput(graph.NewName($"{node.Name}.fed"), tensor.Type, [.. tensor.Shape.Select(d => new Dimension(d))]);
            feeds.Add(input.Name, tensor);
            for (int i = 0; i < (node.OpType.StartsWith("Attention", StringComparison.Ordinal) ? 3 : 1); i++)
                node.SetInput(i, input);
        }
        foreach (var (node, residual, _) in sums)
        {
            var input = graph.AddInput(graph.NewName($"{node.Name}.residual"), ElementType.Float, [.. theirs[residual].Shape.Select(d => new Dimension(d))]);
            feeds.Add(input.Name, theirs[residual]);
            node.SetInput(5, input);
        }
        foreach (var output in graph.Outputs.ToArray())
            graph.RemoveOutput(output);
        foreach (var output in nodes.Select(c => c.Output).Concat(sums.Select(s => s.Node.Output)).Distinct())
            graph.AddOutput(output);
        graph.RemoveUnused();
        foreach (var input in graph.Inputs.Where(i => i.IsUnused).ToArray())
            graph.RemoveInput(input);
        graph.Sort();
        using var lampq = LampQSession.Load(lowered, new LampQSessionOptions { Threads = 1 });
        var ours = lampq.OutputNames.Zip(lampq.Run(feeds)).ToDictionary(p => p.First, p => p.Second);

        var pairs = new List<CodePair>();
        foreach (var group in nodes.GroupBy(c => c.Node))
        {
            byte[] actual = ours[group.First().Output.Name].Bytes.ToArray();
            var exact = ExactOperator.Of(group.Key, operands[group.Key]);
            // One comparison of the whole output, or one of each third of the columns of queries, keys and values.
            int parts = group.Count(), columns = actual.Length / exact.Rows / parts, part = 0;
            foreach (var (_, _, name, arrange) in group)
            {
                byte[] expected = arrange(theirs[name]);
                Assert.AreEqual(exact.Rows * columns, expected.Length, name);
                for (int row = 0; row < exact.Rows; row++)
                    for (int c = 0; c < columns; c++)
                    {
                        int at = (row * parts + part) * columns + c;
                        var (value, slack) = exact.At(row, part * columns + c);
                        pairs.Add(new($"{group.Key.Name} ({group.Key.OpType})", actual[at], expected[row * columns + c], value, slack));
                    }
                part++;
            }
        }
        return (pairs, [.. sums.SelectMany(s => ours[s.Node.Output.Name].ToFloats().Zip(theirs[s.Name].ToFloats(), (a, b) => new FloatPair($"{s.Node.Name} ({s.Node.OpType})", a, b)))]);
    }
}
