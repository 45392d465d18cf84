using System.Globalization;

namespace LampQ.Accuracy;

/// <summary>What a run gave.</summary>
/// <param name="Key"><see cref="MethodRow.Key"/>.</param>
/// <param name="Evaluated">Evaluation images.</param>
/// <param name="AverageBits">Parameter-weighted mean width of the allocated layers.</param>
/// <param name="Top1Change">Top-1 less that of the float model, a share.</param>
/// <param name="Agreement">Share of equal predictions.</param>
/// <param name="Kl">Mean KL(fp32 ‖ quantized).</param>
/// <param name="Bytes">Size of the file with its weights packed bit by bit.</param>
/// <param name="Seconds">From model and images to the quantized model.</param>
/// <param name="Held">What patch embedding, head and attention hold.</param>
sealed record FinishedRow(string Key, int Evaluated, double AverageBits, double Top1Change, double Agreement, double Kl, long Bytes, double Seconds, string Held);

/// <summary>A file with a line for each run that is done, so that the table can be made in parts: a run is appended as soon as it is done.</summary>
sealed class FinishedRows(string path)
{
    public IReadOnlyList<FinishedRow> Read() => !File.Exists(path) ? [] : [.. File.ReadAllLines(path).Select(line => line.Split('\t')).Select(c =>
        new FinishedRow(c[0], int.Parse(c[1]), Number(c[2]), Number(c[3]), Number(c[4]), Number(c[5]), long.Parse(c[6]), Number(c[7]), c[8]))];

    public void Add(FinishedRow row)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.AppendAllText(path, string.Create(CultureInfo.InvariantCulture,
            $"{row.Key}\t{row.Evaluated}\t{row.AverageBits:R}\t{row.Top1Change:R}\t{row.Agreement:R}\t{row.Kl:R}\t{row.Bytes}\t{row.Seconds:F1}\t{row.Held}\n"));
    }

    static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
