namespace LampQ.Quantization;

/// <summary>How a plan is trained. <c>new ReconstructionOptions()</c> runs as it is.</summary>
public sealed record ReconstructionOptions
{
    /// <summary>Most steps of Adam, 1 at least. Default 60: held-out KL was lowest at 30 to 60 (docs/decisions/0018-reconstruction.md).</summary>
    public int Steps { get; init; } = 60;

    /// <summary>Samples a step, 2 at least; an odd number is rounded up. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>First length of a step of weight scales, relative; 0 leaves them. Default 0.0005; it falls to 0 as half a cosine, after five steps that rise to it.</summary>
    public double WeightScaleRate { get; init; } = 5e-4;

    /// <summary>First length of a step of biases, in norms of a row of weights; 0 leaves them. Default 0.0007.</summary>
    public double BiasRate { get; init; } = 7e-4;

    /// <summary>First length of a step of scales of activations below 8 bits, relative; 0 leaves them, as those of 8 bits are left. Default 0.003.</summary>
    public double ActivationScaleRate { get; init; } = 3e-3;

    /// <summary>What errors in the residual stream count, all together, against the divergence of the scores, at the start; 0 trains by the scores alone. Default 1.</summary>
    public double StreamShare { get; init; } = 1;

    /// <summary>True also shows images mirrored, with what the float model says of the mirrored image. Default true: few images go further.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>Steps between two looks at the held-out samples; the best look is what is kept. Default 15.</summary>
    public int StepsBetweenLooks { get; init; } = 15;

    /// <summary>Looks without an improvement after which training ends. Default 4.</summary>
    public int Patience { get; init; } = 4;

    /// <summary>Most seconds that training takes; whatever is best by then is kept. Default 900: with less time on a machine a result depends on its speed, so this is a limit and no plan.</summary>
    public double MaxSeconds { get; init; } = 900;

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it, what was found and what is expected.</exception>
    public void Validate()
    {
        foreach (var (name, value, least) in ((string, int, int)[])[(nameof(Steps), Steps, 1), (nameof(BatchSize), BatchSize, 2), (nameof(StepsBetweenLooks), StepsBetweenLooks, 1), (nameof(Patience), Patience, 1)])
            if (value < least)
                throw new ArgumentException($"{name} is {value}; expected {least} at least.");
        foreach (var (name, value) in ((string, double)[])[(nameof(WeightScaleRate), WeightScaleRate), (nameof(BiasRate), BiasRate), (nameof(ActivationScaleRate), ActivationScaleRate), (nameof(StreamShare), StreamShare), (nameof(MaxSeconds), MaxSeconds)])
            if (!(value >= 0) || !double.IsFinite(value))
                throw new ArgumentException($"{name} is {value}; expected a number that is not negative.");
        if (WeightScaleRate == 0 && BiasRate == 0 && ActivationScaleRate == 0)
            throw new ArgumentException($"{nameof(WeightScaleRate)}, {nameof(BiasRate)} and {nameof(ActivationScaleRate)} are 0, so nothing would be trained; expected one above 0.");
    }
}
