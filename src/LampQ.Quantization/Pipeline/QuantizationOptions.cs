using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>What is narrowed to a layer's bit-width.</summary>
public enum QuantizationProfile
{
    /// <summary>Weights only; activations stay at 8 bits, because fewer buy no speed on CPUs.</summary>
    Cpu,
    /// <summary>The input of each layer takes the layer's width too, as in the papers' W4A4 and 4MP tables; the patch embedding's, the image itself, keeps 8 bits.</summary>
    Paper,
}

/// <summary>What a profile says of a layer.</summary>
static class QuantizationProfiles
{
    /// <summary>Width of a layer's input where its weights have <paramref name="bits"/>. No paper narrows the image: its 8 bits are what the camera made.</summary>
    public static int InputBits(this QuantizationProfile profile, QuantizableLayer layer, int bits) => profile == QuantizationProfile.Paper && layer.Type != LayerType.PatchEmbedding ? bits : 8;
}

/// <summary>How bits are given to layers.</summary>
public enum AllocationMethod
{
    /// <summary>By sensitivity, an exact program, and refinement by measured error.</summary>
    LampQ,
    /// <summary>The same width for every layer.</summary>
    Uniform,
}

/// <summary>How much time may be spent.</summary>
public enum QuantizationEffort
{
    /// <summary>The solver's allocation, compensated once.</summary>
    Fast,
    /// <summary>The solver's allocation and the widest uniform one in the budget are both compensated on three quarters of the samples, judged on the rest, and the better one is compensated on all. Where inputs of layers have 4 bits at most, scales, biases and norms are trained for a few steps.</summary>
    Balanced,
    /// <summary>The same with as many samples as <see cref="QuantizationOptions.ImagesFor"/> says, because compensation fits more of them less closely; then scales, biases and norms are trained (<see cref="Reconstruction.EndToEnd"/>).</summary>
    Best,
}

/// <summary>What to make of a float model. <c>new QuantizationOptions()</c> runs as it is: 4 bits a weight on average.</summary>
public sealed record QuantizationOptions
{
    /// <summary>The recipe these options began as (<see cref="Recipe.Options"/>), which report and file name. Default <see cref="Recipe.LampQPlus"/>, whose options these defaults are. Setting it alone changes no other option.</summary>
    public Recipe Recipe { get; init; } = Recipe.LampQPlus;

    /// <summary>Name of the recipe; "uniform" for the default one without its allocation.</summary>
    public string MethodName => Method == AllocationMethod.Uniform && Recipe == Recipe.LampQPlus ? Recipe.Uniform.Name : Recipe.Name;

    /// <summary>How bits are given to layers. Default <see cref="AllocationMethod.LampQ"/>.</summary>
    public AllocationMethod Method { get; init; } = AllocationMethod.LampQ;

    /// <summary>Widths a layer may get, each 2 to 8. Default all of them.</summary>
    public IReadOnlyList<int> Bits { get; init; } = [2, 3, 4, 5, 6, 7, 8];

    /// <summary>The budget: parameter-weighted mean width of the allocated layers, 1 to 8. Default 4. Ignored under <see cref="MaxSizeInBytes"/>.</summary>
    public double TargetBits { get; init; } = 4;

    /// <summary>The budget in bytes of the written file instead; null (the default) uses <see cref="TargetBits"/>. Implies <see cref="WeightContainer.Int4"/>. Under <see cref="ExportFormat.Packed"/> it is still the portable file that is counted, in which 3 bits take 4 and 5 take 8: the packed one is smaller but for the padding of its panels.</summary>
    public long? MaxSizeInBytes { get; init; }

    /// <summary>How widths are chosen from the damages. Default the exact optimum.</summary>
    public AllocationRule Rule { get; init; } = AllocationRule.Ilp;

    /// <summary>A further budget: bit operations of all quantized layers for one sample (<see cref="BitOperationCount"/>); null (the default) sets none.</summary>
    public long? MaxBitOperations { get; init; }

    /// <summary>A further budget: predicted milliseconds of one run on LampQ's kernels of this CPU (<see cref="MeasuredLatency"/>), of one sample unless the model fixes the batch; null (the default) sets none and measures nothing.</summary>
    public double? MaxLatencyInMilliseconds { get; init; }

    /// <summary>Width of every layer under <see cref="AllocationMethod.Uniform"/>, 2 to 8. Default 4.</summary>
    public int UniformBits { get; init; } = 4;

    /// <summary>What is narrowed. Default <see cref="QuantizationProfile.Cpu"/>.</summary>
    public QuantizationProfile Profile { get; init; } = QuantizationProfile.Cpu;

    /// <summary>Width of Q, K, V and the attention map, 2 to 8; null (the default) is 8 in the cpu profile and the target width in the paper profile, as in the papers' tables.</summary>
    public int? AttentionBits { get; init; }

    /// <summary>The width that is aimed at: <see cref="UniformBits"/>, or <see cref="TargetBits"/> rounded, and 8 under a size budget.</summary>
    public int TargetWidth => Method == AllocationMethod.Uniform ? UniformBits : MaxSizeInBytes is not null ? 8 : Math.Clamp((int)Math.Round(TargetBits), 2, 8);

    /// <summary>The width of Q, K, V and the attention map.</summary>
    public int ChosenAttentionBits => AttentionBits ?? (Profile == QuantizationProfile.Cpu ? 8 : TargetWidth);

    /// <summary>The width that inputs of layers are prepared for.</summary>
    internal int ActivationBits => Profile == QuantizationProfile.Cpu ? 8 : TargetWidth;

    /// <summary>Widest map that the papers' profile codes by logarithms: at 4 bits they leave a tenth of the damage, at 8 bits there is none to speak of.</summary>
    const int WidestCoded = 5;

    /// <summary>How the attention map is coded; null (the default) is AdaLog's logarithm in the paper profile up to 5 bits, else uniform, which integer kernels run (docs/decisions/0017-activation-quantizers.md).</summary>
    public MapQuantizer? MapQuantizer { get; init; }

    /// <summary>How the attention map is coded.</summary>
    public MapQuantizer ChosenMapQuantizer => MapQuantizer ?? (Profile == QuantizationProfile.Paper && ChosenAttentionBits <= WidestCoded ? MapQuantizer.AdaLog : MapQuantizer.Uniform);

    /// <summary>How what stands behind GELU is coded; null (the default) is <see cref="GeluQuantizer.Nearest"/> in the paper profile, else uniform, which ONNX Runtime multiplies as integers.</summary>
    public GeluQuantizer? GeluQuantizer { get; init; }

    /// <summary>How what stands behind GELU is coded.</summary>
    public GeluQuantizer ChosenGeluQuantizer => GeluQuantizer ?? (Profile == QuantizationProfile.Paper ? GeluQuantizer.Nearest : GeluQuantizer.Uniform);

    /// <summary>What logarithmic codes make of the smallest values. Default <see cref="ZeroState.LastCode"/>: no more than 2^bits states (docs/decisions/0017-activation-quantizers.md).</summary>
    public ZeroState ZeroState { get; init; } = ZeroState.LastCode;

    /// <summary>Types weights are stored in. Default <see cref="WeightContainer.Int8"/>: integer kernels in every ONNX Runtime.</summary>
    public WeightContainer Container { get; init; } = WeightContainer.Int8;

    /// <summary>What the written file is. Default <see cref="ExportFormat.Portable"/>: every ONNX Runtime runs it.</summary>
    public ExportFormat Export { get; init; } = ExportFormat.Portable;

    /// <summary>Fixed widths by layer name or by type word ("head", "patch-embedding"); these layers take no part in the allocation. Default 8 bits for both.</summary>
    public IReadOnlyDictionary<string, int> BitsFor { get; init; } = new Dictionary<string, int>
    {
        [LayerType.PatchEmbedding.Word()] = 8,
        [LayerType.Head.Word()] = 8,
    };

    /// <summary>How much each layer minds. Default: the one that won by measurement (docs/results.md).</summary>
    public SensitivityMetric Metric { get; init; } = SensitivityMetric.KlDamage;

    /// <summary>What the type-aware Fisher metric leaves open.</summary>
    public FisherOptions Fisher { get; init; } = new();

    /// <summary>What moves between LayerNorms and the layers behind them before anything is quantized; null leaves them. Default RepQ-ViT's, by the levels of the width (docs/decisions/0016-metrics-and-rules.md).</summary>
    public EquivalentTransformation? NormTransformation { get; init; } = EquivalentTransformation.LevelReparameterization;

    /// <summary>What becomes of Q and K before anything is quantized. Null (the default) goes by their width.</summary>
    public EquivalentTransformation? ScoreTransformation { get; init; }

    /// <summary>What becomes of Q and K: where nothing is chosen, heads are turned and have a scale each below 8 bits, and a scale each at 8 (docs/decisions/0016-metrics-and-rules.md).</summary>
    public EquivalentTransformation ChosenScoreTransformation => ScoreTransformation ?? (ChosenAttentionBits < 8 ? EquivalentTransformation.ScoreRotation : EquivalentTransformation.ScoreFolding);

    /// <summary>What moves between V and proj before anything is quantized. Null (the default) goes by the width of V.</summary>
    public EquivalentTransformation? ValueTransformation { get; init; }

    /// <summary>What moves between V and proj: where nothing is chosen, a scale and an offset a channel below 8 bits, a scale a head at 8, where channels win nothing (docs/decisions/0016-metrics-and-rules.md).</summary>
    public EquivalentTransformation ChosenValueTransformation => ValueTransformation ?? (ChosenAttentionBits < 8 ? EquivalentTransformation.ValueReparameterization : EquivalentTransformation.ValueFolding);

    /// <summary>How weights are rounded. Default least squared error, with a zero point a row (docs/decisions/0011).</summary>
    public WeightQuantizer WeightQuantizer { get; init; } = WeightQuantizer.AsymmetricMse;

    /// <summary>How the range of what goes into a layer is chosen. Default: the one that won by measurement (docs/decisions/0011).</summary>
    public ActivationRange ActivationRange { get; init; } = ActivationRange.Mse;

    /// <summary>How the rounding errors of a layer make up for each other, and for what was quantized before it. Default: the one that won by measurement (docs/decisions/0011).</summary>
    public ErrorCompensation Compensation { get; init; } = ErrorCompensation.RidgeGptq;

    /// <summary>How a compensated model is trained. Null (the default) goes by <see cref="Effort"/>.</summary>
    public Reconstruction? Reconstruction { get; init; }

    /// <summary>Widest inputs of layers with which <see cref="QuantizationEffort.Balanced"/> trains: there the first steps win most, and at 8 bits hardly anything (docs/decisions/0018-reconstruction.md).</summary>
    const int WidestTrained = 4;

    /// <summary>Steps that <see cref="QuantizationEffort.Balanced"/> trains for: a minute or two for DeiT-Tiny on two cores.</summary>
    public const int StepsOfBalanced = 30;

    /// <summary>How a compensated model is trained: where nothing is chosen, scales, biases and norms end to end for <see cref="QuantizationEffort.Best"/>, and for <see cref="QuantizationEffort.Balanced"/> where layers' inputs have 4 bits at most; else not at all.</summary>
    public Reconstruction ChosenReconstruction => Reconstruction ?? (Effort == QuantizationEffort.Best || TrainsShortly ? Reconstruction.EndToEnd : Reconstruction.None);

    bool TrainsShortly => Reconstruction is null && Effort == QuantizationEffort.Balanced && ActivationBits <= WidestTrained;

    /// <summary>Steps, rates and limits of reconstruction.</summary>
    public ReconstructionOptions Training { get; init; } = new();

    /// <summary>The same, with as many steps as the effort is worth where none are given.</summary>
    internal ReconstructionOptions ChosenTraining => TrainsShortly ? Training with { Steps = Training.Steps ?? StepsOfBalanced } : Training;

    /// <summary>How much time may be spent. Default <see cref="QuantizationEffort.Fast"/>: under a minute for DeiT-Tiny on two cores.</summary>
    public QuantizationEffort Effort { get; init; } = QuantizationEffort.Fast;

    /// <summary>Samples that an effort is worth: 64, 192, 512. Calibration sets are the caller's; the command line draws as many.</summary>
    public static int ImagesFor(QuantizationEffort effort) => effort switch
    {
        QuantizationEffort.Fast => 64,
        QuantizationEffort.Balanced => 192,
        _ => 512,
    };

    /// <summary>Samples that activation ranges are taken from, the first of the calibration set. Default 32: ranges do not change beyond, compensation uses all samples.</summary>
    public int RangeImages { get; init; } = 32;

    /// <summary>Samples that sensitivity and refinement are measured on, the first of the calibration set. Default 16: half the time of 32.</summary>
    public int SensitivityImages { get; init; } = 16;

    /// <summary>Most pairs of layers that refinement may try. Default 12; 0 turns it off.</summary>
    public int RefinementSteps { get; init; } = 12;

    /// <summary>Seed of everything drawn at random. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Batch size and threads while measuring.</summary>
    public RunSettings Run { get; init; } = new();

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it, what was found and what is expected.</exception>
    public void Validate()
    {
        if (Bits.Count == 0 || Bits.Any(b => b is < 2 or > 8) || Bits.Distinct().Count() != Bits.Count)
            throw new ArgumentException($"Bits are [{string.Join(",", Bits)}]; expected different widths between 2 and 8, such as 2-8 or 2,4,8.");
        if (!(TargetBits is >= 1 and <= 8))
            throw new ArgumentException($"TargetBits is {TargetBits}; expected 1 to 8.");
        if (MaxSizeInBytes is <= 0)
            throw new ArgumentException($"MaxSizeInBytes is {MaxSizeInBytes}; expected a positive number of bytes.");
        if (MaxBitOperations is <= 0)
            throw new ArgumentException($"MaxBitOperations is {MaxBitOperations}; expected a positive number.");
        if (MaxLatencyInMilliseconds is { } latency && !(latency > 0 && double.IsFinite(latency)))
            throw new ArgumentException($"MaxLatencyInMilliseconds is {latency}; expected a positive number of milliseconds.");
        if (Method == AllocationMethod.Uniform && (MaxSizeInBytes is not null ? nameof(MaxSizeInBytes) : MaxBitOperations is not null ? nameof(MaxBitOperations) : MaxLatencyInMilliseconds is not null ? nameof(MaxLatencyInMilliseconds) : null) is { } budget)
            throw new ArgumentException($"{budget} chooses widths, but method '{MethodName}' gives every layer the same. Leave one of them out.");
        Width(nameof(UniformBits), UniformBits);
        Width(nameof(AttentionBits), AttentionBits ?? 8);
        foreach (var (layer, bits) in BitsFor)
            Width($"BitsFor '{layer}'", bits);
        if (SensitivityImages < 1)
            throw new ArgumentException($"SensitivityImages is {SensitivityImages}; expected 1 at least.");
        if (RangeImages < 1)
            throw new ArgumentException($"RangeImages is {RangeImages}; expected 1 at least.");
        Fisher.Validate();
        Training.Validate();
        if (RefinementSteps < 0)
            throw new ArgumentException($"RefinementSteps is {RefinementSteps}; expected 0 at least.");
        if (Run.BatchSize < 1)
            throw new ArgumentException($"BatchSize is {Run.BatchSize}; expected 1 at least.");
    }

    static void Width(string name, int bits)
    {
        if (bits is < 2 or > 8)
            throw new ArgumentException($"{name} is {bits}; expected 2 to 8.");
    }
}
