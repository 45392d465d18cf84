using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Bit operations of a layer for one sample: multiplications × bits of a weight × bits of an input (BOPs; Baskin et al., UNIQ, arXiv 1804.10969). Linear layers only: attention products,
/// whose width no allocation changes, are not counted.
/// </summary>
public sealed class BitOperationCount
{
    readonly Dictionary<string, long> multiplications = [];

    /// <summary>Counts the rows of every layer from the shapes of one sample.</summary>
    /// <param name="calibration">The model; its samples state what it takes.</param>
    public BitOperationCount(Calibration calibration)
    {
        var input = calibration.Model.Graph.Inputs[0];
        int batch = FixedBatch.Of(calibration.Model) ?? 1;
        var model = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input.Name] = [batch, .. calibration.Samples.Shape.Select(d => (long)d)] }).Apply(calibration.Model);
        foreach (var layer in calibration.Structure.Layers)
        {
            var shape = model.Graph.Find(layer.Node.Output.Name)!.Shape;
            if (shape is null || shape.Any(d => d.Size is null))
                throw new NotSupportedException($"The shape of what layer '{layer.Name}' returns is not known, so its operations cannot be counted. Leave the budget of bit operations out.");
            multiplications[layer.Name] = shape.Aggregate(1L, (product, d) => product * d.Size!.Value) / batch * layer.InputChannels;
        }
    }

    /// <summary>Multiplications of a layer for one sample.</summary>
    public long Multiplications(QuantizableLayer layer) => multiplications[layer.Name];

    /// <summary>Bit operations of a layer for one sample at a width; its input has 8 bits in the cpu profile, the same width in the paper profile, where an image keeps 8.</summary>
    public long Of(QuantizableLayer layer, int bits, QuantizationProfile profile) => Multiplications(layer) * bits * profile.InputBits(layer, bits);
}
