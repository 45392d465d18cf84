namespace LampQ.Onnx;

/// <summary>
/// One attribute of a node. <see cref="Value"/> is a long, float, string, <see cref="Tensor"/>, long[], float[] or string[];
/// null for kinds LampQ does not look into (subgraphs, sparse tensors, types), which survive a round trip unchanged.
/// </summary>
/// <param name="Name">Name of the attribute.</param>
/// <param name="Value">The value, or null for a kind that is only carried along.</param>
public sealed record Attribute(string Name, object? Value)
{
    /// <summary>What the reader saw, so that parts LampQ does not know survive; only IO looks inside.</summary>
    internal object? Carried { get; init; }

    /// <summary>True when the attribute holds one or several graphs.</summary>
    internal bool IsSubgraph { get; init; }

    /// <summary>Names of outer values that the subgraphs of this attribute use.</summary>
    internal IReadOnlyList<string> CapturedNames { get; init; } = [];
}
