namespace LampQ.Solver;

/// <summary>A layer, or a group of layers that share one bit-width (q, k and v of one block), with its menu of widths.</summary>
/// <param name="Name">Unique within a problem; the layer's name.</param>
/// <param name="Choices">At least one choice, no two with the same bits, in any order.</param>
public sealed record AllocationItem(string Name, IReadOnlyList<Choice> Choices);
