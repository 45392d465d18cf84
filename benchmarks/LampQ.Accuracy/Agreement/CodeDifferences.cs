using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>The codes each layer reads, of LampQ's kernels and of ONNX Runtime on the graph as it is written.</summary>
static class CodeDifferences
{
    static readonly string[] columns = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];

    /// <summary>A row a block, a column a layer.</summary>
    public static string Table(string title, Model quantized, SampleSet samples)
    {
        var lowered = new Lowering { SelectTokensEarly = false }.Apply(quantized);
        var written = quantized.Clone();
        var layers = new List<string>();
        foreach (var node in lowered.Graph.Nodes.Where(n => n.Domain == LampQDomain.Name && n.OpType.StartsWith("Linear", StringComparison.Ordinal)).ToArray())
            // The codes of a patch embedding are an image in one graph and rows of patches in the other.
            if (written.Graph.Find($"{node.Name}.input.quantized") is { } codes && node.Input(0)!.Producer is { OpType: not "PatchesQuantize" })
            {
                layers.Add(node.Name);
                written.Graph.AddOutput(codes);
                if (!node.Input(0)!.IsGraphOutput)
                    lowered.Graph.AddOutput(node.Input(0)!);
            }
        string[] ours = [.. layers.Select(l => lowered.Graph.Nodes.First(n => n.Name == l).Input(0)!.Name)], theirs = [.. layers.Select(l => $"{l}.input.quantized")];
        using var lampq = LampQSession.Load(lowered);
        using var onnxRuntime = new OnnxSession(written, new OnnxSessionOptions { Optimize = false });
        var pixels = new float[samples.SampleLength];
        samples.Load(0, pixels);
        var image = new Dictionary<string, Tensor> { [lampq.InputNames[0]] = Tensor.Of(pixels, [1, .. samples.Shape]) };
        Tensor[] a = lampq.Run(image, ours), b = onnxRuntime.Run(image, theirs);

        var cells = new Dictionary<string, string>();
        for (int i = 0; i < layers.Count; i++)
        {
            byte[] x = a[i].Bytes.ToArray(), y = b[i].Bytes.ToArray();
            if (x.Length != y.Length)
                throw new InvalidDataException($"Layer '{layers[i]}' reads {x.Length} codes in one graph and {y.Length} in the other.");
            cells[layers[i]] = $"{(double)x.Zip(y, (p, q) => p != q).Count(differ => differ) / x.Length:P4}, {x.Zip(y, (p, q) => Math.Abs(p - q)).Max()}";
        }
        var text = new StringWriter();
        text.WriteLine($"| {title}: block | {string.Join(" | ", columns)} |\n|--:|{string.Concat(columns.Select(_ => "--:|"))}");
        for (int block = 0; columns.Any(c => cells.ContainsKey($"blocks.{block}.{c}")); block++)
            text.WriteLine($"| {block} | {string.Join(" | ", columns.Select(c => cells.GetValueOrDefault($"blocks.{block}.{c}", "")))} |");
        text.WriteLine();
        return text.ToString();
    }
}
