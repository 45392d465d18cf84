namespace LampQ.Onnx;

/// <summary>Moves initializers of some types into Constant nodes, for programs that refuse the types as initializers and run them otherwise.</summary>
/// <param name="types">The types to move.</param>
public sealed class InitializersToConstants(IReadOnlySet<ElementType> types) : Pass
{
    /// <summary>
    /// What ML.NET's OnnxTransformer refuses: it maps the type of every initializer to a column type, with a list that ends before these
    /// (measured with 2.0 to 5.0). Constant nodes it does not look at.
    /// </summary>
    public static IReadOnlySet<ElementType> RefusedByMLNet { get; } = new HashSet<ElementType>
    {
        ElementType.Float16, ElementType.BFloat16, ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ,
        ElementType.Int4, ElementType.UInt4, ElementType.Int2, ElementType.UInt2, ElementType.Float4E2M1, ElementType.Float8E8M0,
    };

    /// <inheritdoc/>
    protected override void ApplyCore(Model model)
    {
        foreach (var initializer in model.Graph.Initializers.Where(v => types.Contains(v.Type) && v is { IsCaptured: false, IsGraphOutput: false }).ToArray())
        {
            var node = model.Graph.AddNode("Constant", [], [initializer.Name], attributes: ("value", initializer.Initializer!));
            model.Graph.ReplaceUses(initializer, node.Output);
        }
    }
}
