using System.Globalization;
using System.Reflection;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>Writes allocations of one calibrated model, and knows what they weigh.</summary>
sealed class Export(Calibration calibration, LayerQuantizers quantizers, IReadOnlyList<AllocationGroup> groups, WeightContainer container, QuantizationOptions options)
{
    public IReadOnlyList<AllocationGroup> Groups => groups;

    public IReadOnlyList<QuantizableLayer> Layers => calibration.Structure.Layers;

    public Calibration Calibration => calibration;

    /// <summary>Layers that take no part in the allocation.</summary>
    public IEnumerable<(QuantizableLayer Layer, int Bits)> FixedLayers => Layers.Where(l => quantizers.FixedBits(l) is not null).Select(l => (l, quantizers.FixedBits(l)!.Value));

    public IReadOnlyList<Unrecognized> Unrecognized => calibration.Structure.Unrecognized;

    /// <summary>Notes on what was asked for and written.</summary>
    public IEnumerable<string> Notes(QuantizationPlan plan)
    {
        if (options.MaxSizeInBytes is not null)
            yield return "Under a size budget weights are stored in int4 (2 to 4 bits) or int8 (5 to 8 bits); widths that share a container cost the same bytes.";
        if (HasExtraState(plan))
            yield return "Logarithmic codes have a zero beside their 2^bits levels, as in the papers' simulations: the written model computes with 2^bits + 1 states, which no code of that many bits can say.";
    }

    static bool HasExtraState(QuantizationPlan plan) =>
        plan.Layers.Values.Select(l => l.Input).Concat(plan.Attentions.Select(a => a.Map.Quantizer)).Any(q => q is LogQuantizer { Zero: ZeroState.Extra });

    public int BitsOf(QuantizableLayer layer, IReadOnlyDictionary<string, int> bitsOfGroup) => quantizers.FixedBits(layer) ?? bitsOfGroup[layer.Group];

    /// <summary>Weights rounded to nearest, and quantizers, for an allocation.</summary>
    /// <param name="bitsOfGroup">Width by group name.</param>
    public QuantizationPlan Plan(IReadOnlyDictionary<string, int> bitsOfGroup) => quantizers.Plan(Layers.ToDictionary(l => l.Name, l => BitsOf(l, bitsOfGroup)));

    /// <summary>The quantized model.</summary>
    /// <param name="plan">What to write.</param>
    /// <param name="training">How the plan was trained; null where it was not.</param>
    public Model Write(QuantizationPlan plan, Reconstruction? training = null)
    {
        var model = new PortableExport(plan, container).Apply(calibration.Model);
        model.ProducerName = "LampQ";
        model.ProducerVersion = typeof(Export).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        model.Metadata["lampq.version"] = model.ProducerVersion;
        model.Metadata["lampq.method"] = options.MethodName;
        model.Metadata["lampq.profile"] = options.Profile.ToString().ToLowerInvariant();
        model.Metadata["lampq.compensation"] = options.Compensation.Name;
        model.Metadata["lampq.reconstruction"] = (training ?? Reconstruction.None).Name;
        model.Metadata["lampq.container"] = container.ToString().ToLowerInvariant();
        model.Metadata["lampq.attention_bits"] = options.ChosenAttentionBits.ToString(CultureInfo.InvariantCulture);
        model.Metadata["lampq.map_quantizer"] = options.ChosenMapQuantizer.Name;
        model.Metadata["lampq.gelu_quantizer"] = options.ChosenGeluQuantizer.Name;
        if (HasExtraState(plan))
            model.Metadata["lampq.zero_state"] = "extra";
        model.Metadata["lampq.bits"] = string.Join(";", Layers.Select(l => string.Create(CultureInfo.InvariantCulture, $"{l.Name}={plan.Layers[l.Name].Weights.Bits}")));
        return model;
    }

    /// <summary>The file of a portable model: itself, or lowered to packed weights.</summary>
    /// <exception cref="NotSupportedException">Nothing of the model can be lowered, so that there is nothing to pack.</exception>
    public Model Pack(Model portable, out LoweringReport report)
    {
        report = LoweringReport.Empty;
        if (options.Export == ExportFormat.Portable)
            return portable;
        var lowering = new Lowering();
        var packed = lowering.Apply(portable);
        report = lowering.Report;
        if (report.Lowered == 0)
            throw new NotSupportedException($"No operation of the model can be packed: {report}. Write the portable form.");
        packed.Metadata["lampq.container"] = "packed";
        return packed;
    }

    /// <summary>Bytes of the file without what <see cref="Formulation.IntegerBytes"/> counts, at the width where these are most.</summary>
    /// <remarks>They differ in Gemms alone, whose bias is float behind int4 weights and int32 with scales of its own behind wider ones.</remarks>
    public long FixedBytes(params ReadOnlySpan<int> widths)
    {
        long most = 0;
        foreach (int bits in widths)
            most = Math.Max(most, Write(Plan(groups.ToDictionary(g => g.Name, _ => bits)), options.ChosenReconstruction).ToBytes().LongLength - groups.Sum(g => g.Layers.Sum(l => Formulation.IntegerBytes(container, l, bits))));
        return most;
    }
}
