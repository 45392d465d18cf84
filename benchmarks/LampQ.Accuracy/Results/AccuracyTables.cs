using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

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
            string path = subject.Path(data);
            var model = Model.Read(path);
            // Unlabelled: no method may look at the classes of the calibration images.
            var calibration = Unlabelled.Of(subject.Calibration(data, CalibrationImages));
            var evaluation = subject.Evaluation(data, limit);
            var labels = Enumerable.Range(0, evaluation.Count).Select(evaluation.Label).ToArray();
            using var session = new OnnxSession(model);
            var reference = ModelOutputs.Of(session, evaluation, new RunSettings());
            double fp32 = reference.TopK(labels, 1)!.Value;
            var bits = ResultsText.BeginModel(text, subject.Name, evaluation.Count, fp32, new FileInfo(path).Length);
            foreach (var (name, options) in Rows.All)
            {
                var result = new ModelQuantizer(options).Quantize(model, calibration);
                using var quantized = new OnnxSession(result.Model);
                var outputs = ModelOutputs.Of(quantized, evaluation, options.Run);
                var row = new ResultRow(name, result.AverageBits, outputs.TopK(labels, 1)!.Value - fp32, reference.Agreement(outputs), reference.MeanKl(outputs),
                    result.SizeInBytes, result.Refinement, string.Concat(result.Layers.Select(l => l.Bits)));
                ResultsText.Add(text, row, bits);
                Console.WriteLine($"{DateTime.Now:HH:mm:ss} {subject.Name}: {row}");
            }
            ResultsText.EndModel(text, bits);
        }
        return text.ToString();
    }
}
