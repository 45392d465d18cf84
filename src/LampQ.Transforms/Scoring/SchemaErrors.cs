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

    public static InvalidOperationException NotFinite(long row, BoundInput input, int place, float found) =>
        new($"Row {row} (the first is 0): column '{input.Column.Name}' holds {found} as value {place}; calibration expects finite numbers. Correct the row, or filter it out.");

    public static InvalidOperationException WrongClass(long row, string column, decimal found, int classes) =>
        new($"Row {row} (the first is 0): label column '{column}' gives class {found}; the model has the classes 0 to {classes - 1}. Correct the label, or use the model that the labels belong to.");
}
