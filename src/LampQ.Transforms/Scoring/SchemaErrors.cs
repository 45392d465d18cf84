namespace LampQ.Transforms;

/// <summary>Exceptions of the kind, and with the words, that ML.NET's own steps have.</summary>
static class SchemaErrors
{
    public static ArgumentOutOfRangeException Missing(string role, string column, IEnumerable<string> present) =>
        new("inputSchema", $"Could not find {role} column '{column}'. The columns are: {string.Join(", ", present)}.");

    public static ArgumentOutOfRangeException Wrong(string role, string column, string expected, string found) =>
        new("inputSchema", $"Schema mismatch for {role} column '{column}': expected {expected}, got {found}");

    public static InvalidOperationException WrongLength(long row, BoundInput input, int found) =>
        new($"Row {row} (the first is 0): column '{input.Column.Name}' holds {found} values; the model input '{input.Port.Name}' takes {input.Size} {input.Port.AxesText}."
            + (found == 0 ? " Is the value missing?" : ""));
}
