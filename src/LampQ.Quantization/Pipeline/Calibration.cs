using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// A float model made ready to be quantized, and what the calibration set showed of it: equivalent transformations are applied, and the range of
/// every activation that will be quantized is known.
/// </summary>
public sealed record Calibration
{
    /// <summary>The float model, folded and transformed.</summary>
    public required Model Model { get; init; }

    /// <summary>Its layers, attentions and norms.</summary>
    public required ModelStructure Structure { get; init; }

    /// <summary>Ranges by value name.</summary>
    public required IReadOnlyDictionary<string, ActivationStatistics> Statistics { get; init; }

    /// <summary>The samples.</summary>
    public required SampleSet Samples { get; init; }

    /// <summary>Transforms a float model and looks at its activations.</summary>
    /// <param name="model">A float model, constants folded, shapes inferred.</param>
    /// <param name="samples">The calibration set.</param>
    /// <param name="settings">Batch size and threads.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <param name="transformations">What is applied: first those that need no ranges, then the others, in this order; null is <see cref="EquivalentTransformation.With"/> RepQ-ViT's of norms and scales of heads.</param>
    /// <param name="bits">Width that inputs of layers will have.</param>
    /// <param name="attentionBits">Width that Q, K and V will have; null is <paramref name="bits"/>.</param>
    public static Calibration Of(Model model, SampleSet samples, RunSettings settings, CancellationToken cancellation = default,
        IReadOnlyList<EquivalentTransformation>? transformations = null, int bits = 8, int? attentionBits = null)
    {
        transformations ??= EquivalentTransformation.With(EquivalentTransformation.LayerNormReparameterization, EquivalentTransformation.ScoreFolding, EquivalentTransformation.ValueFolding);
        ModelFamily.Detect(model, out var structure);
        // They change what the ranges of the others are taken from.
        var blind = transformations.Where(t => t.Needs(structure).Count == 0).ToArray();
        foreach (var transformation in blind)
            model = transformation.Apply(model, new Dictionary<string, ActivationStatistics>(), WidthFor(transformation));
        var needs = transformations.SelectMany(t => t.Needs(structure)).DistinctBy(p => p.Key).ToDictionary();
        if (needs.Count > 0)
        {
            var before = ActivationStatistics.Collect(model, samples, needs, settings, cancellation);
            foreach (var transformation in transformations.Except(blind))
                model = transformation.Apply(model, before, WidthFor(transformation));
            ShapeInference.Infer(model);
            ModelFamily.Detect(model, out structure);
        }
        var quantized = structure.Layers.Select(l => l.Input)
            .Concat(structure.Attentions.SelectMany(a => new[] { a.Scores.Input(0)!, a.Scores.Input(1)!, a.Context.Input(1)! }))
            .DistinctBy(v => v.Name).ToDictionary(v => v.Name, _ => Grouping.Tensor);
        return new Calibration
        {
            Model = model,
            Structure = structure,
            Statistics = ActivationStatistics.Collect(model, samples, quantized, settings, cancellation),
            Samples = samples,
        };

        int WidthFor(EquivalentTransformation transformation) =>
            EquivalentTransformation.OfScores.Contains(transformation) || EquivalentTransformation.OfValues.Contains(transformation) ? attentionBits ?? bits : bits;
    }
}
