namespace LampQ.Onnx;

/// <summary>Fixes input shapes that the model leaves open ("batch" becomes 8), and with them all shapes that follow.</summary>
/// <param name="symbols">Sizes of named dimensions.</param>
/// <param name="inputShapes">Whole shapes of inputs, by input name.</param>
/// <exception cref="ArgumentException">On <see cref="Pass.Apply"/>: no such input, or another rank.</exception>
public sealed class FixInputShapes(IReadOnlyDictionary<string, long>? symbols = null, IReadOnlyDictionary<string, long[]>? inputShapes = null) : Pass
{
    /// <inheritdoc/>
    protected override void ApplyCore(Model model)
    {
        // What the file says of other values was true for the old input shapes.
        foreach (var value in model.Graph.Values)
            if (value.Producer is { } producer && ShapeRules.Find(producer) is not null)
                value.Shape = null;
        ShapeInference.Infer(model, symbols, inputShapes);
    }
}
