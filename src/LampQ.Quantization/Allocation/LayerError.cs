using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// L_i^(B) = ‖Ŵ·x̂ − W·x‖² / ‖W·x‖² of each layer at each width (LampQ, AAAI-26, error-based bit update). Weight and input errors are taken as
/// independent, as Lemma 3 does: E‖ΔW·x‖² from the gram of the inputs, plus E‖Δx‖²·‖Ŵ‖² from the histogram.
/// </summary>
public sealed class LayerError(Calibration calibration, LayerQuantizers quantizers, InputGrams grams)
{
    readonly Dictionary<(string, int), double> known = [];

    /// <summary>The relative error of a layer at a width; 0 for a layer whose output is always 0 or whose inputs are not known as rows.</summary>
    public double Of(QuantizableLayer layer, int bits)
    {
        if (known.TryGetValue((layer.Name, bits), out double error))
            return error;
        return known[(layer.Name, bits)] = Measure(layer, bits);
    }

    double Measure(QuantizableLayer layer, int bits)
    {
        if (grams.Of(layer) is not { } gram)
            return 0;
        var plan = quantizers.Plan(layer, bits);
        var weight = layer.ReadWeight();
        double energy = InputGrams.Energy(weight, layer.OutputChannels, gram);
        if (energy <= 0)
            return 0;
        var rounded = plan.Weights.Dequantize();
        double norm = System.Numerics.Tensors.TensorPrimitives.SumOfSquares<float>(rounded);
        System.Numerics.Tensors.TensorPrimitives.Subtract(rounded, weight, rounded);
        var input = calibration.Statistics[layer.Input.Name].Groups[0];
        return (InputGrams.Energy(rounded, layer.OutputChannels, gram) + grams.RowsOf(layer) * RangeSearch.MeanSquaredError(input, plan.Input) * norm) / energy;
    }
}
