namespace LampQ.Quantization;

/// <summary>How a plan is trained. <c>new ReconstructionOptions()</c> runs as it is.</summary>
public sealed record ReconstructionOptions
{
    /// <summary>Most steps of Adam, of the whole model or of each block, 1 at least; null (the default) takes <see cref="Reconstruction.DefaultSteps"/> (docs/decisions/0018-reconstruction.md).</summary>
    public int? Steps { get; init; }

    /// <summary>Samples a step, 2 at least, rounded up to what one run takes; null (the default) takes <see cref="Reconstruction.DefaultBatchSize"/>.</summary>
    public int? BatchSize { get; init; }

    /// <summary>First length of a step of weight scales, relative; 0 leaves them. Default 0.0005; it falls to 0 as half a cosine, after five steps that rise to it.</summary>
    public double WeightScaleRate { get; init; } = 5e-4;

    /// <summary>First length of a step of biases, in norms of a row of weights; 0 leaves them. Default 0.0007.</summary>
    public double BiasRate { get; init; } = 7e-4;

    /// <summary>First length of a step of scales of activations below 8 bits, relative; 0 leaves them, as those of 8 bits are left. Default 0.003.</summary>
    public double ActivationScaleRate { get; init; } = 3e-3;

    /// <summary>First length of a step of γ and β of LayerNorms, of γ relative, of β in γ of its channel; 0 leaves them. Default 0.001.</summary>
    public double NormRate { get; init; } = 1e-3;

    /// <summary>What errors in the residual stream count, all together, against the divergence of the scores, at the start; 0 trains by the scores alone. Default 1.</summary>
    public double StreamShare { get; init; } = 1;

    /// <summary>True also shows images mirrored, with what the float model says of the mirrored image. Default true: few images go further.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>End to end: the share of images that get a rectangle of another image (<see cref="CutMix"/>), 0 to 1. Default 0.5: the images that were compensated are fitted already, and mixed ones are not.</summary>
    public double CutMixShare { get; init; } = 0.5;

    /// <summary>Block by block: length of a step of V, which chooses how a weight is rounded; 0 keeps integers. Default 0.01: from an integer to the middle V has 2.4 to go, and faster ones left more weights on the wrong side.</summary>
    public double RoundingRate { get; init; } = 0.01;

    /// <summary>Block by block: λ, what weights that lie between two integers count against the block's error (1 at the start), as a mean over them; not negative. Default 1000: with 1 to 100 weights had not come to rest by the last step.</summary>
    public double RoundingPull { get; init; } = 1000;

    /// <summary>Block by block: which part of the way from its compensated integer towards the float weight a weight starts at, 0 to 1; 1 is AdaRound's start. Default 0.1: farther starts lose what compensation had found, and hundreds of steps do not find it again.</summary>
    public double RoundingStart { get; init; } = 0.1;

    /// <summary>Block by block: the probability with which an element of what goes in is the float model's (QDrop), 0 to 1. Default 0.5.</summary>
    public double DropRate { get; init; } = 0.5;

    /// <summary>A file that a training is written to as it goes (after each look, or each block) and goes on from where it exists; it is removed once the training has ended. Null (the default) writes none.</summary>
    public string? ResumeFile { get; init; }

    /// <summary>Steps between two looks at the held-out samples, 1 at least; the best look is what is kept. Null (the default) takes <see cref="Reconstruction.DefaultStepsBetweenLooks"/>.</summary>
    public int? StepsBetweenLooks { get; init; }

    /// <summary>Looks without an improvement after which training, or that of a block, ends. Default 4. While weights lie between integers a block that is better than its start so counts as improving.</summary>
    public int Patience { get; init; } = 4;

    /// <summary>Most seconds that training takes; whatever is best by then is kept. Default 900: with less time on a machine a result depends on its speed, so this is a limit and no plan.</summary>
    public double MaxSeconds { get; init; } = 900;

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it, what was found and what is expected.</exception>
    public void Validate()
    {
        foreach (var (name, value, least) in ((string, int, int)[])[(nameof(Steps), Steps ?? 1, 1), (nameof(BatchSize), BatchSize ?? 2, 2), (nameof(StepsBetweenLooks), StepsBetweenLooks ?? 1, 1), (nameof(Patience), Patience, 1)])
            if (value < least)
                throw new ArgumentException($"{name} is {value}; expected {least} at least.");
        foreach (var (name, value) in ((string, double)[])[(nameof(WeightScaleRate), WeightScaleRate), (nameof(BiasRate), BiasRate), (nameof(ActivationScaleRate), ActivationScaleRate), (nameof(NormRate), NormRate), (nameof(StreamShare), StreamShare), (nameof(RoundingRate), RoundingRate),
            (nameof(RoundingPull), RoundingPull), (nameof(MaxSeconds), MaxSeconds)])
            if (!(value >= 0) || !double.IsFinite(value))
                throw new ArgumentException($"{name} is {value}; expected a number that is not negative.");
        foreach (var (name, value) in ((string, double)[])[(nameof(RoundingStart), RoundingStart), (nameof(DropRate), DropRate), (nameof(CutMixShare), CutMixShare)])
            if (!(value is >= 0 and <= 1))
                throw new ArgumentException($"{name} is {value}; expected 0 to 1.");
        if (WeightScaleRate == 0 && BiasRate == 0 && ActivationScaleRate == 0 && NormRate == 0)
            throw new ArgumentException($"{nameof(WeightScaleRate)}, {nameof(BiasRate)}, {nameof(ActivationScaleRate)} and {nameof(NormRate)} are 0, so nothing would be trained; expected one above 0.");
    }

    /// <summary>First length of a step of a kind of parameter.</summary>
    internal double RateOf(ParameterKind kind) => kind switch
    {
        ParameterKind.WeightScale => WeightScaleRate,
        ParameterKind.Bias => BiasRate,
        ParameterKind.NormScale or ParameterKind.NormOffset => NormRate,
        _ => ActivationScaleRate,
    };
}
