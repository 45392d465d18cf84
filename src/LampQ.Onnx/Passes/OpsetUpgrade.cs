namespace LampQ.Onnx;

/// <summary>
/// Rewrites a model into a newer version of ONNX's operator set, with the same results. Every operator whose meaning or
/// spelling changed has a rule; operators that only accept more types pass; all others are refused by name.
/// </summary>
/// <remarks>Nodes of other domains are versioned on their own and pass. A model that is new enough already stays as it is.</remarks>
public sealed class OpsetUpgrade : Pass
{
    /// <summary>The oldest version that can be upgraded, and the newest that can be reached.</summary>
    public const int Oldest = 9, Newest = 21;

    readonly int target;

    /// <summary>An upgrade to the given version.</summary>
    /// <param name="target">Version to reach, 10 to 21.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> is outside 10 to 21.</exception>
    public OpsetUpgrade(int target)
    {
        if (target is <= Oldest or > Newest)
            throw new ArgumentOutOfRangeException(nameof(target), target, $"Models can be upgraded to opset {Oldest + 1} to {Newest}.");
        this.target = target;
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The model is older than opset 9, or has an operator whose upgrade is not known.</exception>
    protected override void ApplyCore(Model model)
    {
        if (model.Opset >= target)
            return;
        if (model.Opset < Oldest)
            throw new NotSupportedException($"The model is written in opset {model.Opset}; upgrades start at {Oldest}. Export it again with a newer opset.");
        RefuseUnknown(model);
        // Some rules need ranks and types. A model that contradicts itself is not made worse by an upgrade: the checker reports it.
        ShapeInference.Walk(model);
        // One version at a time, so that an operator that becomes another one also meets the later changes of that one.
        for (long version = model.Opset + 1; version <= target; version++)
            foreach (var node in model.Graph.Nodes.ToArray())
                foreach (var change in OpsetChanges.At(version, node))
                    change(node);
        // Up to IR version 3 every initializer had to be listed as an input; from 4 on that would make it overridable.
        if (model.IrVersion < 4)
            foreach (var initializer in model.Graph.Initializers)
                initializer.IsOverridable = false;
        model.Opset = target;
        ShapeInference.Walk(model);
        model.IrVersion = Math.Max(model.IrVersion, IrVersions.For(target));
    }

    void RefuseUnknown(Model model)
    {
        var refused = model.Graph.Nodes.Where(n => n.Attributes.Any(a => a.IsSubgraph) || n.Domain is "" or "ai.onnx" && !OpsetChanges.Knows(n.OpType)).ToArray();
        if (refused is [var first, ..])
            throw new NotSupportedException($"Upgrading opset {model.Opset} to {target} is not known for {string.Join(", ", refused.Select(n => n.OpType).Distinct().Order())}"
                + $" (domain '{(first.Domain.Length > 0 ? first.Domain : "ai.onnx")}', first at node {first}). Export the model with opset {target} instead.");
    }
}
