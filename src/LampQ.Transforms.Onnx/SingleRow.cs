using LampQ.Onnx;

namespace LampQ.Transforms;

/// <summary>A model of a fixed batch as one that takes a single row, and back: ML.NET's own step gives a model one row at a time.</summary>
/// <remarks>The row is repeated for the whole batch and the first result is kept, so a row costs what a batch costs. Where a graph fixes its batch, reshapes inside usually do too, so stating another size would not do.</remarks>
static class SingleRow
{
    const string Repeat = "LampQ.Repeat", First = "LampQ.First";

    /// <summary>Gives the graph inputs and outputs of one row, under the same names.</summary>
    /// <param name="graph">Its inputs and outputs have the batch as their first axis.</param>
    /// <param name="batch">Rows that it takes.</param>
    public static void Wrap(Graph graph, int batch)
    {
        foreach (var whole in graph.Inputs.ToArray())
        {
            string name = whole.Name;
            graph.Rename(whole, graph.NewName($"{name}.batch"));
            var row = graph.AddInput(name, whole.Type, [1, .. whole.Shape!.Skip(1)]);
            graph.ReplaceUses(whole, graph.Emit("Concat", [.. Enumerable.Repeat(row, batch)], Repeat, ("axis", 0L)));
            graph.RemoveInput(whole);
        }
        foreach (var whole in graph.Outputs.ToArray())
        {
            string name = whole.Name;
            graph.Rename(whole, graph.NewName($"{name}.batch"));
            var first = graph.Emit("Gather", [whole, graph.AddInitializer("LampQ.Zero", Tensor.Of(new long[] { 0 }, 1))], First, ("axis", 0L));
            (first.Type, first.Shape) = (whole.Type, whole.Shape is { } shape ? [1, .. shape.Skip(1)] : null);
            graph.ReplaceOutput(whole, first);
            graph.Rename(first, name);
        }
        graph.Sort();
    }

    /// <summary>Takes away what <see cref="Wrap"/> added; does nothing to another graph.</summary>
    public static void Unwrap(Graph graph)
    {
        foreach (var row in graph.Inputs.ToArray())
        {
            if (row.Uses.Count == 0 || row.Uses[0].Node is not { } repeat || !repeat.Name.StartsWith(Repeat, StringComparison.Ordinal))
                continue;
            string name = row.Name;
            graph.Rename(row, graph.NewName($"{name}.row"));
            var whole = graph.AddInput(name, row.Type, [repeat.Inputs.Count, .. row.Shape!.Skip(1)]);
            graph.ReplaceUses(repeat.Output, whole);
            graph.Remove(repeat);
            graph.RemoveInput(row);
        }
        foreach (var first in graph.Outputs.ToArray())
        {
            if (first.Producer is not { } gather || !gather.Name.StartsWith(First, StringComparison.Ordinal))
                continue;
            string name = first.Name;
            graph.ReplaceOutput(first, gather.Inputs[0]!);
            graph.Rename(first, graph.NewName($"{name}.row"));
            graph.Rename(gather.Inputs[0]!, name);
            graph.Remove(gather);
        }
        graph.RemoveUnused();
    }
}
