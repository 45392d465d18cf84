using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// A change of float weights that leaves the function of the model as it is and makes it easier to quantize: factors move from one weight to
/// the next. No quantizer sees anything else than a float model (docs/decisions/0005-qdq-export.md).
/// </summary>
public abstract partial class EquivalentTransformation
{
    /// <summary>Every known transformation.</summary>
    public static IReadOnlyList<EquivalentTransformation> All => [.. OfNorms, .. OfScores, .. OfValues, OutlierChannelScaling];

    /// <summary>Those that move factors from a LayerNorm into the layers behind it; a model takes one of them.</summary>
    public static IReadOnlyList<EquivalentTransformation> OfNorms => [LevelReparameterization, LayerNormReparameterization, SmoothQuant, SmoothQuantWithBias, ClippedReparameterization];

    /// <summary>Those that change Q and K; a model that is turned has its heads scaled as well.</summary>
    public static IReadOnlyList<EquivalentTransformation> OfScores => [ScoreRotation, ScoreFolding];

    /// <summary>Those that move factors from V into proj; a model takes one of them.</summary>
    public static IReadOnlyList<EquivalentTransformation> OfValues => [ValueReparameterization, ValueFolding];

    /// <summary>What a model is prepared with: one transformation of its norms, or none, one of its scores, one of its values, and those of other places.</summary>
    /// <param name="ofNorms">One of <see cref="OfNorms"/>; null leaves the norms as they are.</param>
    /// <param name="ofScores">One of <see cref="OfScores"/>.</param>
    /// <param name="ofValues">One of <see cref="OfValues"/>.</param>
    public static IReadOnlyList<EquivalentTransformation> With(EquivalentTransformation? ofNorms, EquivalentTransformation ofScores, EquivalentTransformation ofValues)
    {
        EquivalentTransformation?[] all = [ofScores == ScoreFolding ? null : ofScores, ofNorms, ScoreFolding, ofValues, OutlierChannelScaling];
        return [.. all.OfType<EquivalentTransformation>()];
    }

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>The activations whose ranges the transformation needs, by value name.</summary>
    public abstract IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure);

    /// <summary>An equivalent model; <paramref name="model"/> stays as it was.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="statistics">What <see cref="Needs"/> asked for.</param>
    /// <param name="bits">Width that the activations will have: fewer bits clip more. 8 where nothing else is known.</param>
    public Model Apply(Model model, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits = 8)
    {
        var copy = model.Clone();
        ModelFamily.Detect(copy, out var structure);
        ApplyCore(copy, structure, statistics, bits);
        return copy;
    }

    /// <summary>Changes the weights in place; the model is the caller's own copy.</summary>
    protected abstract void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits);
}
