using System.Collections.Concurrent;
using System.Numerics.Tensors;
using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Weights and input quantizers of every layer at every width, each made when it is first asked for.</summary>
/// <param name="calibration">The model and its ranges.</param>
/// <param name="options">Profile, weight quantizer, range and fixed widths.</param>
/// <param name="outputErrors">Errors at the outputs of layers, for ranges that are chosen by them.</param>
/// <param name="contextErrors">Errors at the contexts of attentions, for map quantizers that are chosen by them.</param>
public sealed class LayerQuantizers(Calibration calibration, QuantizationOptions options, OutputErrors? outputErrors = null, ContextErrors? contextErrors = null)
{
    readonly ConcurrentDictionary<(string Layer, int Bits), LayerPlan> plans = [];
    readonly ConcurrentDictionary<(string Value, int Bits), ActivationQuantizer> inputs = [];
    readonly ConcurrentDictionary<string, AttentionPlan> attentions = [];
    readonly ConcurrentDictionary<string, GeluQuantizer> kinds = [];

    /// <summary>The width that is fixed for a layer by its name or type; null when it takes part in the allocation.</summary>
    public int? FixedBits(QuantizableLayer layer) =>
        options.BitsFor.TryGetValue(layer.Name, out int byName) ? byName : options.BitsFor.TryGetValue(layer.Type.Word(), out int byType) ? byType : null;

    /// <summary>What becomes of a layer at a width.</summary>
    public LayerPlan Plan(QuantizableLayer layer, int bits) => plans.GetOrAdd((layer.Name, bits), _ =>
        new LayerPlan(options.WeightQuantizer.Quantize(layer.ReadWeight(), layer.OutputChannels, bits),
            Input(layer, bits)));

    /// <summary>ΔW = Ŵ − W, row-major [N, K]: what rounding to a width changes.</summary>
    public float[] WeightError(QuantizableLayer layer, int bits)
    {
        var error = Plan(layer, bits).Weights.Dequantize();
        TensorPrimitives.Subtract(error, layer.ReadWeight(), error);
        return error;
    }

    /// <summary>The quantizers of an attention's operands.</summary>
    public AttentionPlan Plan(Attention attention) => attentions.GetOrAdd(attention.Context.Output.Name, _ =>
    {
        int bits = options.ChosenAttentionBits;
        AffineQuantizer Centered(Value value) => RangeSearch.Centered(calibration.Statistics[value.Name].Groups[0], bits);
        return new AttentionPlan(Centered(attention.Scores.Input(0)!), Centered(attention.Scores.Input(1)!), Centered(attention.Context.Input(1)!),
            options.ChosenMapQuantizer.Choose(bits, options.ZeroState, contextErrors?.Of(attention)));
    });

    /// <summary>The plan of the whole model under an allocation.</summary>
    /// <param name="bitsOf">Width by layer name.</param>
    public QuantizationPlan Plan(IReadOnlyDictionary<string, int> bitsOf) => new(
        calibration.Structure.Layers.Where(l => bitsOf.ContainsKey(l.Name)).ToDictionary(l => l.Name, l => Plan(l, bitsOf[l.Name])),
        [.. calibration.Structure.Attentions.Select(Plan)]);

    /// <summary>The width that the input of a layer is likely to have.</summary>
    int AimedWidth(QuantizableLayer layer) => options.Profile.InputBits(layer, FixedBits(layer) ?? options.TargetWidth);

    /// <summary>The quantizer of a layer's input at a width of the layer. In the cpu profile every width of a layer, and q, k and v, share one.</summary>
    public ActivationQuantizer Input(QuantizableLayer layer, int bits)
    {
        int width = options.Profile.InputBits(layer, bits);
        return inputs.GetOrAdd((layer.Input.Name, width), _ =>
        {
            var values = calibration.Statistics[layer.Input.Name].Groups[0];
            var error = outputErrors?.Of(layer.Input.Name);
            // A patch embedding's output error is not known; its input has no outliers.
            var range = options.ActivationRange.NeedsOutputError && error is null ? ActivationRange.Mse : options.ActivationRange;
            if (layer.Type != LayerType.Fc2)
                return range.Choose(values, width, error);
            try
            {
                var choice = new RangeChoice(range, options.ZeroState, error);
                // One kind for all widths: a search feeds quantizers of all of them to one graph.
                var kind = kinds.GetOrAdd(layer.Input.Name, _ => options.ChosenGeluQuantizer.KindFor(values, AimedWidth(layer), choice));
                return kind.Choose(values, width, choice);
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException($"Layer '{layer.Name}': {e.Message}", e);
            }
        });
    }
}
