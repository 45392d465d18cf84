using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// A named, complete configuration: what a paper does to a model, or what LampQ does by default; known recipes are listed by <see cref="All"/> (docs/decisions/0019-recipes.md). Each says where it differs from its paper.
/// </summary>
/// <remarks>A recipe is a starting point: every property of what <see cref="Options"/> returns can be replaced by <c>with</c>, and <see cref="QuantizationOptions.Recipe"/> still names what it began as.</remarks>
public abstract partial class Recipe
{
    /// <summary>Every known recipe, ours first, then those that mix widths, then those that do not.</summary>
    public static IReadOnlyList<Recipe> All => [LampQPlus, LampQ, MptqVit, LrpQVit, VtPtq, AdaLog, Erq, CrlQVit, RepQVit, Ptq4Vit, FqVit, MinMax, Uniform];

    /// <summary>Fewest samples a ranking of layers or a regression of weights is worth anything with; ranges alone need one.</summary>
    protected const int FewestToFit = 8;

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Where it was published; what it is, for our own.</summary>
    public abstract string Paper { get; }

    /// <summary>Year of publication; null for our own.</summary>
    public virtual int? Year => null;

    /// <summary>What it sets, in a line.</summary>
    public abstract string Sets { get; }

    /// <summary>What differs from the paper, in a line; empty for our own.</summary>
    public virtual string Differs => "";

    /// <summary>Whether layers get different widths.</summary>
    public abstract bool IsMixed { get; }

    /// <summary>Fewest samples it works with.</summary>
    public virtual int FewestSamples => 1;

    /// <summary>Samples its paper calibrates with; null goes by effort (<see cref="QuantizationOptions.ImagesFor"/>).</summary>
    public virtual int? Samples => null;

    /// <summary>Samples to calibrate with where the user names no number.</summary>
    public int SamplesFor(QuantizationEffort effort) => Samples ?? QuantizationOptions.ImagesFor(effort);

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those there are.</exception>
    public static Recipe Of(string name) => All.FirstOrDefault(r => r.Name == name)
        ?? throw new ArgumentException($"There is no method '{name}'; expected one of {string.Join(", ", All.Select(r => r.Name))}.", nameof(name));

    /// <summary>Why so many samples are too few; null where they are enough.</summary>
    public string? Refusal(int samples) => samples >= FewestSamples ? null
        : $"Method '{Name}' needs {FewestSamples} samples at least to rank layers or fit weights, but there {(samples == 1 ? "is 1" : $"are {samples}")}. Give more, or choose a method that takes ranges alone, such as '{RepQVit.Name}'.";

    /// <summary>The configuration.</summary>
    /// <param name="bits">Parameter-weighted mean width of the allocated layers where the recipe mixes widths, 1 to 8; the width of every layer where it does not, a whole number from 2 to 8.</param>
    /// <param name="profile">What is narrowed; null takes the recipe's own choice. Under <see cref="QuantizationProfile.Cpu"/> activations and attention operands of published recipes hold 8 bits in uniform codes, which are what ONNX Runtime's integer kernels run.</param>
    /// <exception cref="ArgumentException">The width is outside of what the recipe takes.</exception>
    public QuantizationOptions Options(double bits = 4, QuantizationProfile? profile = null)
    {
        if (IsMixed ? bits is not (>= 1 and <= 8) : bits is not (>= 2 and <= 8) || bits != Math.Floor(bits))
            throw new ArgumentException($"The width is {bits}, and method '{Name}' {(IsMixed ? "takes an average of 1 to 8 bits" : "gives every layer the same width; expected a whole number from 2 to 8, or a method that mixes widths")}.", nameof(bits));
        int whole = Math.Clamp((int)Math.Round(bits), 2, 8);
        var options = OptionsCore(whole) with { Recipe = this, Method = IsMixed ? AllocationMethod.LampQ : AllocationMethod.Uniform, TargetBits = bits, UniformBits = whole };
        options = profile is { } given ? options with { Profile = given } : options;
        return options.Profile == QuantizationProfile.Cpu ? options with { MapQuantizer = null, GeluQuantizer = null } : options;
    }

    /// <summary>The configuration, but for recipe, method and budget.</summary>
    /// <param name="bits">The width asked for, rounded, 2 to 8: what patch embedding, head and attention hold where they take the target's width.</param>
    protected abstract QuantizationOptions OptionsCore(int bits);

    /// <summary>
    /// What the papers have in common: weights and inputs of all layers and the attention operands at the target's width, the head and the weights of the patch embedding too (its
    /// input holds 8 bits), no error compensation and no training, ranges and sensitivity from 32 samples.
    /// </summary>
    protected static QuantizationOptions Published(int bits) => new()
    {
        Profile = QuantizationProfile.Paper,
        BitsFor = new Dictionary<string, int> { [LayerType.PatchEmbedding.Word()] = bits, [LayerType.Head.Word()] = bits },
        MapQuantizer = MapQuantizer.Uniform,
        GeluQuantizer = GeluQuantizer.Uniform,
        NormTransformation = null,
        ScoreTransformation = EquivalentTransformation.ScoreFolding,
        ValueTransformation = EquivalentTransformation.ValueFolding,
        WeightQuantizer = WeightQuantizer.Mse,
        Compensation = ErrorCompensation.None,
        Reconstruction = Reconstruction.None,
        SensitivityImages = 32,
        RefinementSteps = 0,
    };
}
