using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>One line of the table.</summary>
sealed record ResultRow(string Name, double AverageBits, double Top1Change, double Agreement, double Kl, long Bytes, IReadOnlyList<RefinementStep> Refinement, string Bits);

/// <summary>Words and tables of the accuracy part of docs/results.md.</summary>
static class ResultsText
{
    public static void Begin(TextWriter text) => text.WriteLine($"""
        # Results

        Written by `benchmarks/accuracy.sh`; nothing here is typed by hand. {AccuracyTables.CalibrationImages} unlabelled calibration images (seed 0), weights rounded to nearest with a scale a row (`--compensate none --weight-scale mse`; docs/results-methods.md has what compensation and zero points add); evaluation on other images. Defaults were compared on
        calibration images held out from those {AccuracyTables.CalibrationImages} (docs/defaults.md). In every row patch embedding and head hold 8 bits (weights and inputs), Q, K, V and the attention map 8 bits; LayerNorm, softmax,
        GELU and residual additions are float. `cpu`: inputs of layers at 8 bits. `paper`: the input of each layer takes the layer's width, behind GELU in the nearest of the codes of docs/decisions/0017. "on average" weighs by parameters,
        over the 48 layers of the blocks; no row has more Σ parameters·bits than the uniform one of its width. "pairs": those that refinement kept, of those it tried. int8 container.

        One image is 0.15 points of top-1; the noise of a difference is about one point, so agreement and KL decide. Why type-aware-fisher can lose to uniform: docs/decisions/0009-sensitivity-metrics.md.
        """);

    /// <summary>Begins the table of a model.</summary>
    /// <returns>The bits of its rows, for <see cref="EndModel"/>.</returns>
    public static List<string> BeginModel(TextWriter text, string name, int images, double fp32, long bytes)
    {
        text.WriteLine($"\n## {name}\n\nfp32: top-1 {100 * fp32:F2} % on {images} images, {bytes:N0} bytes.\n");
        text.WriteLine("| | average bits | top-1 change, points | agreement with fp32 | mean KL(fp32 ‖ quantized) | bytes | pairs |");
        text.WriteLine("|---|---|---|---|---|---|---|");
        return [];
    }

    public static void Add(TextWriter text, ResultRow row, List<string> bits)
    {
        string pairs = row.Refinement.Count == 0 ? "" : $"{row.Refinement.Count(s => s.Accepted)} of {row.Refinement.Count}";
        text.WriteLine($"| {row.Name} | {row.AverageBits:F2} | {100 * row.Top1Change:+0.00;−0.00} | {100 * row.Agreement:F1} % | {row.Kl:F4} | {row.Bytes:N0} | {pairs} |");
        if (row.Refinement.Count > 0)
            bits.Add($"{row.Name,-40} {row.Bits}");
    }

    public static void EndModel(TextWriter text, List<string> bits) =>
        text.WriteLine($"\nBits of the layers along the data (patch embedding, then qkv, proj, fc1, fc2 of each block, head):\n\n```\n{string.Join('\n', bits)}\n```");
}
