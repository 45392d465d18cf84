using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>How much each layer minds being quantized; known metrics are listed by <see cref="All"/>.</summary>
public abstract partial class SensitivityMetric
{
    /// <summary>Every known metric.</summary>
    public static IReadOnlyList<SensitivityMetric> All => 
        [KlDamage, FisherDamage, TypeAwareFisher, FisherPerturbation, HessianTrace, Sqnr, NuclearNorm, LrpRelevance];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether the damages follow the error that rounding really makes in each layer, as most do. Refinement then looks for its pairs by
    /// them; by the layers' relative output error L, as the paper does, where they do not.
    /// </summary>
    public virtual bool FollowsRoundingError => true;

    /// <summary>Measures every allocation group at every width offered.</summary>
    /// <exception cref="InvalidOperationException">The metric left a group or a width out: a defect.</exception>
    public SensitivityProfile Measure(SensitivityContext context)
    {
        var profile = new SensitivityProfile(Name, MeasureCore(context));
        foreach (var group in profile.Groups)
            if (context.Bits.Any(b => !group.Damage.TryGetValue(b, out double d) || !double.IsFinite(d)))
                throw new InvalidOperationException($"Metric '{Name}' gave no finite damage for every width of '{group.Group}'.");
        if (profile.Groups.Count != context.Groups.Count)
            throw new InvalidOperationException($"Metric '{Name}' measured {profile.Groups.Count} groups of {context.Groups.Count}.");
        return profile;
    }

    /// <summary>Does the work.</summary>
    protected abstract IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context);
}

/// <summary>What a metric works on.</summary>
public sealed record SensitivityContext
{
    /// <summary>The calibrated float model.</summary>
    public required Calibration Calibration { get; init; }

    /// <summary>Weights and input quantizers by layer and width.</summary>
    public required LayerQuantizers Quantizers { get; init; }

    /// <summary>The layers that take part in the allocation, by group, along the data.</summary>
    public required IReadOnlyList<AllocationGroup> Groups { get; init; }

    /// <summary>The widths offered, ascending.</summary>
    public required IReadOnlyList<int> Bits { get; init; }

    /// <summary>The samples to measure on.</summary>
    public required SampleSet Samples { get; init; }

    /// <summary>What the float model says about them.</summary>
    public required ModelOutputs Reference { get; init; }

    /// <summary>Everything else that was chosen.</summary>
    public required QuantizationOptions Options { get; init; }

    /// <summary>A quantizer of each layer's input, where inputs are narrowed with their layers; null where they stay.</summary>
    public Func<QuantizableLayer, ActivationQuantizer>? VariedInputs => Options.Profile == QuantizationProfile.Paper ? layer => Quantizers.Input(layer, Bits[0]) : null;

    /// <summary>Told after each group: done, of.</summary>
    public Action<int, int>? Progress { get; init; }

    /// <summary>Cancels between two runs.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Layers that get one bit-width together.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="Layers">One layer, or the q, k and v of one block.</param>
public sealed record AllocationGroup(string Name, IReadOnlyList<QuantizableLayer> Layers)
{
    /// <summary>What the layers do, with q, k and v counted as qkv.</summary>
    public LayerType Type => Layers[0].Type is LayerType.Q or LayerType.K or LayerType.V ? LayerType.Qkv : Layers[0].Type;

    /// <summary>Weights of all layers.</summary>
    public long Parameters => Layers.Sum(l => l.Parameters);
}
