namespace Microsoft.ML;

/// <summary>Exceptions with ML.NET's kinds and words.</summary>
static class Errors
{
    public static Exception MissingColumn(string parameter, string column, string role = "input") =>
        new ArgumentOutOfRangeException(parameter, $"Could not find {role} column '{column}'");

    public static Exception WrongColumn(string parameter, string column, object expected, object found, string role = "input") =>
        new ArgumentOutOfRangeException(parameter, $"Schema mismatch for {role} column '{column}': expected {expected}, got {found}");

    public static Exception WrongValueType(Type asked, Type expected) =>
        new InvalidOperationException($"Invalid TValue: '{asked}', expected type: '{expected}'.");

    public static Exception Inactive(DataViewSchema.Column column, string parameter = "column") =>
        new ArgumentOutOfRangeException(parameter, $"Column '{column.Name}' is not active.");
}
