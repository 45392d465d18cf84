using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// The second-order estimate of <see cref="KlDamage"/> for the rounding errors that really occur, D_i(b) = ½·δᵀF_i·δ = ½·E_x E_{y∼p(x)} ⟨∂L/∂W_i, ΔW_i(b)⟩²,
    /// F the true Fisher information (y drawn from the model), ΔW_i(b) the error of layer i at b bits; in the paper profile the
    /// input's error ⟨∂L/∂x, Δx(b)⟩ is added to the inner product.
    /// </summary>
    /// <remarks>One backward pass a draw serves every layer and every width, where <see cref="KlDamage"/> needs a forward pass for each. Where the trace
    /// asks how curved the loss is, this asks how curved it is in the direction of the error.</remarks>
    public static SensitivityMetric FisherDamage { get; } = new FisherDamageMetric();
}

sealed class FisherDamageMetric : SensitivityMetric
{
    public override string Name => "fisher-damage";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        var groupOf = context.Groups.SelectMany((g, i) => g.Layers.Select(l => (l.Name, i))).ToDictionary(p => p.Name, p => p.i);
        bool withInputs = context.Options.Profile == QuantizationProfile.Paper;
        var samples = context.Samples;
        string input = context.Calibration.Model.Graph.Inputs[0].Name;

        // One sample at a time unless the model says otherwise: a batch was no faster, and its weight gradients are all alive together.
        int batch = FixedBatch.Of(context.Calibration.Model) ?? 1;
        var fixedModel = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input] = [batch, .. samples.Shape.Select(d => (long)d)] })
            .Apply(context.Calibration.Model);
        var fisher = FisherGraph.Build(fixedModel, Loss.NegativeLogLikelihood, layers, withTensors: true);
        var (outputs, owner) = Outputs(fisher, layers, withInputs);
        using var session = new OnnxSession(fisher.Model, context.Options.Run.Session);

        var errors = layers.Select(l => context.Bits.Select(b => context.Quantizers.WeightError(l, b)).ToArray()).ToArray();
        var sums = new double[context.Groups.Count, context.Bits.Count];
        var random = new Random(context.Options.Seed);
        int draws = context.Options.Fisher.Draws, first = 0;
        foreach (var tensor in samples.Tensors(context.Options.Run with { BatchSize = batch }, context.Cancellation))
        {
            // Sample by sample, so that the batch does not decide what is drawn.
            long[][] drawn = [.. context.Reference.Scores.Skip(first).Take(batch).Select(scores => Enumerable.Range(0, draws).Select(_ => Draw(scores, random)).ToArray())];
            for (int draw = 0; draw < draws; draw++)
            {
                long[] classes = [.. drawn.Select(d => d[draw])];
                var products = new double[batch, context.Groups.Count, context.Bits.Count];
                float[]? x = null;
                session.Run(new Dictionary<string, Tensor> { [input] = tensor, [fisher.ExtraInputs[0]] = Tensor.Of(classes) }, outputs, (i, _, values) =>
                {
                    var (layer, part) = owner[i];
                    if (part == Part.Input)
                    {
                        x = values.ToArray();
                        return;
                    }
                    int group = groupOf[layers[layer].Name], each = values.Length / batch;
                    for (int n = 0; n < batch; n++)
                        for (int b = 0; b < context.Bits.Count; b++)
                            products[n, group, b] += part == Part.WeightGradient
                                ? TensorPrimitives.Dot(values.Slice(n * each, each), errors[layer][b])
                                : InputError(x.AsSpan(n * each, each), values.Slice(n * each, each), context.Quantizers.Plan(layers[layer], context.Bits[b]).Input);
                });
                for (int n = 0; n < batch; n++)
                    for (int g = 0; g < context.Groups.Count; g++)
                        for (int b = 0; b < context.Bits.Count; b++)
                            sums[g, b] += products[n, g, b] * products[n, g, b] / 2;
            }
            first += batch;
            context.Progress?.Invoke(context.Groups.Count * first / samples.Count, context.Groups.Count);
        }
        double count = (double)samples.Count * draws;
        return [.. context.Groups.Select((group, g) => new GroupSensitivity(group.Name, sums[g, 0] / count,
            Enumerable.Range(0, context.Bits.Count).ToDictionary(b => context.Bits[b], b => sums[g, b] / count)))];
    }

    enum Part { WeightGradient, Input, InputGradient }

    /// <summary>Adds GᵀX [N, K] of every layer to the graph and, where inputs are quantized, X and its gradient through this layer G·W.</summary>
    static (string[] Outputs, (int Layer, Part Part)[] Owner) Outputs(FisherModel fisher, QuantizableLayer[] layers, bool withInputs)
    {
        var graph = fisher.Model.Graph;
        var outputs = new List<string>();
        var owner = new List<(int, Part)>();
        void Add(Value value, int layer, Part part)
        {
            graph.AddOutput(value);
            outputs.Add(value.Name);
            owner.Add((layer, part));
        }
        for (int i = 0; i < layers.Length; i++)
        {
            var x = graph.Find(fisher.Layers[i].Input!)!;
            var g = graph.Find(fisher.Layers[i].Gradient!)!;
            Add(graph.Emit("MatMul", [graph.Emit("Transpose", [g], ("perm", new long[] { 0, 2, 1 })), x], $"weight_gradient/{layers[i].Name}"), i, Part.WeightGradient);
            if (!withInputs)
                continue;
            Add(x, i, Part.Input);
            var weight = graph.AddInitializer($"rows/{layers[i].Name}", Tensor.Of(layers[i].ReadWeight(), layers[i].OutputChannels, layers[i].InputChannels));
            Add(graph.Emit("MatMul", [g, weight], $"input_gradient/{layers[i].Name}"), i, Part.InputGradient);
        }
        return ([.. outputs], [.. owner]);
    }

    static double InputError(ReadOnlySpan<float> x, ReadOnlySpan<float> gradient, ActivationQuantizer quantizer)
    {
        double sum = 0;
        float[] levels = [.. quantizer.Values];
        for (int i = 0; i < x.Length; i++)
            sum += gradient[i] * (levels[quantizer.CodeOf(x[i])] - x[i]);
        return sum;
    }

    /// <summary>A class drawn from the softmax of the scores.</summary>
    internal static long Draw(float[] scores, Random random)
    {
        double max = scores.Max(), total = scores.Sum(s => Math.Exp(s - max)), left = random.NextDouble() * total;
        for (int c = 0; c < scores.Length; c++)
            if ((left -= Math.Exp(scores[c] - max)) < 0)
                return c;
        return scores.Length - 1;
    }
}
