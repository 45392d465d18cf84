using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>Something that was not recognised in a model.</summary>
/// <param name="Name">The node.</param>
/// <param name="Op">Its operator.</param>
/// <param name="Reason">Why.</param>
sealed record UnrecognizedLine(string Name, string Op, string Reason)
{
    public static IReadOnlyList<UnrecognizedLine> Of(IEnumerable<Unrecognized> all) => [.. all.Select(u => new UnrecognizedLine(u.Name, u.Op, u.Reason))];

    public static void Write(TextWriter output, IReadOnlyList<UnrecognizedLine> lines)
    {
        if (lines.Count == 0)
            return;
        output.WriteLine();
        output.WriteLine("not recognised");
        var table = new TextTable("name", "op", "reason");
        foreach (var line in lines)
            table.Add(line.Name, line.Op, line.Reason);
        table.Write(output);
    }
}
