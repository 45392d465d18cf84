using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>What quantization costs in accuracy and bytes: both models, every row, the whole evaluation set. Load does not change it.</summary>
static class AccuracyTables
{
    /// <summary>Calibration images.</summary>
    public const int CalibrationImages = 32;

    /// <summary>The tables of both models.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="limit">Most evaluation images.</param>
    public static string Write(string data, int limit)
    {
        var text = new StringWriter();
        ResultsText.Begin(text);
        foreach (var subject in Subject.All)
        {
            var judge = new Judge(subject, data, limit);
            // Unlabelled: no method may look at the classes of the calibration images.
            var calibration = Unlabelled.Of(subject.Calibration(data, CalibrationImages));
            var bits = ResultsText.BeginModel(text, subject.Name, judge.Images, judge.Top1, new FileInfo(subject.Path(data)).Length);
            foreach (var (name, options) in Rows.All)
            {
                var result = new ModelQuantizer(options).Quantize(judge.Model, calibration);
                var (change, agreement, kl) = judge.Of(result.Model, options.Run);
                var row = new ResultRow(name, result.AverageBits, change, agreement, kl, result.SizeInBytes, result.Refinement, string.Concat(result.Layers.Select(l => l.Bits)));
                ResultsText.Add(text, row, bits);
                Console.WriteLine($"{DateTime.Now:HH:mm:ss} {subject.Name}: {row}");
            }
            ResultsText.EndModel(text, bits);
        }
        return text.ToString();
    }
}
