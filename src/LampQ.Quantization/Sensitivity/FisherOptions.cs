namespace LampQ.Quantization;

/// <summary>What is open in the Fisher metrics; the defaults were picked by measurement (docs/decisions/0009-sensitivity-metrics.md, docs/defaults.md).</summary>
public sealed record FisherOptions
{
    /// <summary>β: the width at which α(type) is measured, 2 to 8. Default 3.</summary>
    public int Beta { get; init; } = 3;

    /// <summary>μ: layers of each type that α is measured on, spread over the depth; 1 at least. Default 4.</summary>
    public int Mu { get; init; } = 4;

    /// <summary>γ: the error ratio of one bit, Ω^(B) = γ^(−B)·Ω, above 1; null (the default) takes Lemma 3's ratios, which are larger at 2 bits.</summary>
    public double? Gamma { get; init; }

    /// <summary>True weighs the trace by the squared error of the layer's own weights at each width, E‖Δw‖²/N·K, in place of γ^(−B). Default false, the paper's form.</summary>
    public bool UseWeightError { get; init; }

    /// <summary>Classes drawn a sample by the fisher-damage metric, 1 at least. Default 8: with 2 the allocation changes with the seed.</summary>
    public int Draws { get; init; } = 8;

    /// <summary>Random directions that fisher-perturbation moves each layer in, 1 at least; hessian-trace, which moves all layers at once, takes eight times as many. Default 4.</summary>
    public int Probes { get; init; } = 4;

    /// <summary>Checks every property.</summary>
    public void Validate()
    {
        if (Beta is < 2 or > 8)
            throw new ArgumentException($"Fisher β is {Beta}; expected 2 to 8 bits.");
        if (Mu < 1)
            throw new ArgumentException($"Fisher μ is {Mu}; expected 1 layer at least.");
        if (Draws < 1)
            throw new ArgumentException($"Fisher draws are {Draws}; expected 1 at least.");
        if (Probes < 1)
            throw new ArgumentException($"Fisher probes are {Probes}; expected 1 at least.");
        if (Gamma is { } gamma && !(gamma > 1 && double.IsFinite(gamma)))
            throw new ArgumentException($"Fisher γ is {gamma}; expected a number above 1.");
    }
}
