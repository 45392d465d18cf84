using System.Globalization;
using System.Reflection;
using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Writes allocations of one calibrated model, and knows what they weigh.</summary>
sealed class Export(Calibration calibration, LayerQuantizers quantizers, IReadOnlyList<AllocationGroup> groups, WeightContainer container, QuantizationOptions options)
{
    public IReadOnlyList<AllocationGroup> Groups => groups;

    public IReadOnlyList<QuantizableLayer> Layers => calibration.Structure.Layers;

    public IReadOnlyList<Unrecognized> Unrecognized => calibration.Structure.Unrecognized;

    public IReadOnlyList<string> Notes => options.MaxSizeInBytes is null ? [] :
        ["Under a size budget weights are stored in int4 (2 to 4 bits) or int8 (5 to 8 bits); widths that share a container cost the same bytes."];

    public int BitsOf(QuantizableLayer layer, IReadOnlyDictionary<string, int> bitsOfGroup) => quantizers.FixedBits(layer) ?? bitsOfGroup[layer.Group];

    /// <summary>The quantized model.</summary>
    /// <param name="bitsOfGroup">Width by group name.</param>
    public Model Write(IReadOnlyDictionary<string, int> bitsOfGroup)
    {
        var bits = Layers.ToDictionary(l => l.Name, l => BitsOf(l, bitsOfGroup));
        var model = new PortableExport(quantizers.Plan(bits), container).Apply(calibration.Model);
        string version = typeof(Export).Assembly.GetName().Version!.ToString(3);
        model.ProducerName = "LampQ";
        model.ProducerVersion = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? version;
        model.Metadata["lampq.version"] = model.ProducerVersion;
        model.Metadata["lampq.method"] = options.Method.ToString().ToLowerInvariant();
        model.Metadata["lampq.profile"] = options.Profile.ToString().ToLowerInvariant();
        model.Metadata["lampq.container"] = container.ToString().ToLowerInvariant();
        model.Metadata["lampq.attention_bits"] = options.AttentionBits.ToString(CultureInfo.InvariantCulture);
        model.Metadata["lampq.bits"] = string.Join(";", Layers.Select(l => string.Create(CultureInfo.InvariantCulture, $"{l.Name}={bits[l.Name]}")));
        return model;
    }

    /// <summary>Bytes of the file without the integer weights of the groups: what no allocation changes.</summary>
    public long FixedBytes(int smallestBits)
    {
        var smallest = groups.ToDictionary(g => g.Name, _ => smallestBits);
        return Write(smallest).ToBytes().LongLength - groups.Sum(g => g.Layers.Sum(l => container.SizeInBytes(l.Parameters, smallestBits)));
    }
}
