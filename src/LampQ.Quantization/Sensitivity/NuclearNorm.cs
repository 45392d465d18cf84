using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// VT-PTQ's ranking (Liu et al., NeurIPS 2021, arXiv 2106.14156, section 3.3): D_i(b) = ‖Y‖_*·E‖ŷ_i(b) − y_i‖², the nuclear norm of what the module makes, Σ of the
    /// singular values, times the squared output error. Y is the attention map for qkv and proj, the output of the MLP for fc1 and fc2.
    /// </summary>
    /// <remarks>
    /// The paper gives one width a module and takes the error of Y itself; here every layer has its own width and the error is that of its own output. Norms are
    /// means over samples, heads and windows. Layers outside of blocks take their own output as Y.
    /// </remarks>
    public static SensitivityMetric NuclearNorm { get; } = new NuclearNormMetric();
}

sealed class NuclearNormMetric : SensitivityMetric
{
    public override string Name => "nuclear-norm";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var structure = context.Calibration.Structure;
        var moduleOf = context.Groups.ToDictionary(g => g.Name, g => ModuleOf(g.Layers[0], structure));
        var norms = Norms(context, [.. moduleOf.Values.Distinct()]);
        var noise = LayerNoise.Measure(context);
        return [.. context.Groups.Select(group =>
        {
            var damage = context.Bits.ToDictionary(b => b, b => norms[moduleOf[group.Name]] * group.Layers.Sum(l => noise.Noise(l, b)));
            return new GroupSensitivity(group.Name, damage[context.Bits[0]], damage);
        })];
    }

    /// <summary>Name of the value whose nuclear norm weighs a layer.</summary>
    static string ModuleOf(QuantizableLayer layer, ModelStructure structure) => layer.Type switch
    {
        LayerType.Qkv or LayerType.Q or LayerType.K or LayerType.V or LayerType.Proj when structure.Attentions.FirstOrDefault(a => a.Block == layer.Block) is { } attention => attention.Softmax.Output.Name,
        LayerType.Fc1 or LayerType.Fc2 when structure.Layers.FirstOrDefault(l => l.Type == LayerType.Fc2 && l.Block == layer.Block) is { } fc2 => fc2.Output.Name,
        _ => layer.Output.Name,
    };

    static Dictionary<string, double> Norms(SensitivityContext context, string[] values)
    {
        var probe = context.Calibration.Model.Clone();
        foreach (string name in values)
            if (!probe.Graph.Find(name)!.IsGraphOutput)
                probe.Graph.AddOutput(probe.Graph.Find(name)!);
        using var session = new OnnxSession(probe, context.Options.Run.Session);
        var sums = new double[values.Length];
        var settings = context.Options.Run with { BatchSize = FixedBatch.Of(context.Calibration.Model) ?? 1 };
        foreach (var batch in context.Samples.Tensors(settings, context.Cancellation))
            session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = batch }, values, (i, shape, numbers) =>
                sums[i] += settings.BatchSize * MeanNorm(numbers, shape, isImage: probe.Graph.Find(values[i])!.Producer!.Is("Conv")));
        return values.Select((name, i) => (name, Norm: sums[i] / context.Samples.Count)).ToDictionary(p => p.name, p => p.Norm);
    }

    /// <summary>Mean nuclear norm of the matrices over the last two axes; of channels by pixels for the output of a Conv [B, C, h, w].</summary>
    static double MeanNorm(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, bool isImage)
    {
        int columns = (int)(isImage ? shape[2] * shape[3] : shape[^1]), rows = (int)(isImage ? shape[1] : shape.Length > 1 ? shape[^2] : 1);
        int count = values.Length / (rows * columns);
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += SingularValues.Of(values.Slice(i * rows * columns, rows * columns), rows).Sum();
        return sum / count;
    }
}
