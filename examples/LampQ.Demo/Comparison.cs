using System.Globalization;

namespace LampQ.Demo;

/// <summary>One model's line of the table.</summary>
/// <param name="Accuracy">Percent of the evaluation pictures.</param>
/// <param name="Bytes">Size of the ONNX file.</param>
/// <param name="Milliseconds">One picture, one thread, median.</param>
sealed record ComparisonRow(string Name, double Accuracy, long Bytes, double Milliseconds);

/// <summary>Prints models side by side; a row appears as soon as it is measured.</summary>
sealed class Comparison(TextWriter output)
{
    public void Begin() => Write("model", "accuracy %", "bytes", "ms / image");

    public void Add(ComparisonRow row) => Write(
        row.Name,
        row.Accuracy.ToString("0.0", CultureInfo.InvariantCulture),
        row.Bytes.ToString("N0", CultureInfo.InvariantCulture),
        row.Milliseconds.ToString("0.00", CultureInfo.InvariantCulture));

    void Write(string name, string accuracy, string bytes, string milliseconds) =>
        output.WriteLine($"{name,-36}{accuracy,12}{bytes,14}{milliseconds,14}");
}
