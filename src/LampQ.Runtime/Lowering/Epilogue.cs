using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>What stands between a layer and the quantizer behind it, where everybody reads the codes.</summary>
/// <param name="Site">The layer.</param>
/// <param name="Activation">The function applied to its output; null for none.</param>
/// <param name="Factor">One factor, or one a channel, behind the function; null for none.</param>
/// <param name="Movements">Reshapes on the way, in order.</param>
/// <param name="Source">The value that is quantized.</param>
sealed record Epilogue(LinearSite Site, ActivationFunction? Activation, float[]? Factor, IReadOnlyList<Node> Movements, Value Source);

/// <summary>Finds epilogues.</summary>
static class EpilogueOf
{
    /// <summary>layer → [activation] → [Mul by channel] → [Clip →] QuantizeLinear with reshapes anywhere between; null where the output stays float.</summary>
    public static (Epilogue Epilogue, AffineQuantizer Quantizer)? Uniform(LinearSite site, FloatView view)
    {
        AffineQuantizer? quantizer = null;
        return Walk(site, view, value => (quantizer = OnlyQuantizer(value)) is not null) is { } epilogue ? (epilogue, quantizer!) : null;
    }

    /// <summary>The same up to a value with other than uniform codes, which nobody reads but their formula; null where the layer does not lead there so.</summary>
    public static Epilogue? Coded(LinearSite site, FloatView view, CodedActivation coded) =>
        Walk(site, view, value => value == coded.Source && !value.IsGraphOutput && !value.IsCaptured && value.Uses.All(u => coded.Readers.Contains(u.Node)));

    static Epilogue? Walk(LinearSite site, FloatView view, Func<Value, bool> isEnd)
    {
        ActivationFunction? activation = null;
        float[]? factor = null;
        var movements = new List<Node>();
        var (at, computed, before) = (site.Output, site.Output, 0);
        while (true)
        {
            if (isEnd(at))
                // Reshapes behind the last operator are asked for by those who read codes in another shape.
                return site.Node.Is("Conv") ? null : new Epilogue(site, activation, factor, movements[..before], computed);
            if (activation is null && factor is null && PointwiseActivation.Behind(at) is { } found)
            {
                (activation, at) = (found.Function, found.Output);
                (computed, before) = (at, movements.Count);
            }
            else if (at.OnlyConsumer is not { } next)
                return null;
            else if (next.Is("Reshape", "Identity") && next.Input(0) == at && view.Shape(next.Output) is { Count: > 0 } shape && shape[^1].Size == site.Weights.Rows)
            {
                movements.Add(next);
                at = next.Output;
            }
            else if (factor is null && next.Is("Mul") && next.Input(next.Input(0) == at ? 1 : 0)?.Constant is { Type: ElementType.Float } by
                && (by.Count == 1 && by.Rank <= 1 || by.Count == site.Weights.Rows && by.Rank > 0 && by.Shape[^1] == by.Count))
            {
                (factor, at) = (by.ToFloats(), next.Output);
                (computed, before) = (at, movements.Count);
            }
            else
                return null;
        }
    }

    /// <summary>The quantizer that all uses of a value go through.</summary>
    static AffineQuantizer? OnlyQuantizer(Value value)
    {
        if (value.IsGraphOutput || value.IsCaptured || value.Uses.Count == 0)
            return null;
        AffineQuantizer? only = null;
        foreach (var use in value.Uses)
        {
            var quantize = use.Node.Is("Clip") && use.Index == 0 ? use.Node.Output.OnlyConsumer : use.Node;
            if (quantize is null || !quantize.Is("QuantizeLinear") || quantize.Output.IsGraphOutput || quantize.Output.Uses.Count == 0)
                return null;
            foreach (var reader in quantize.Output.Uses)
            {
                if (!reader.Node.Is("DequantizeLinear") || QdqActivation.Match(reader.Node.Output) is not { } activation || activation.Source != value || only is not null && only != activation.Quantizer)
                    return null;
                only = activation.Quantizer;
            }
        }
        return only;
    }
}
