using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>What quantization costs in accuracy and bytes: both models, every row, the whole evaluation set. Load does not change it.</summary>
static class AccuracyTables
{
    /// <summary>Images of the comparison of metrics and allocations, where weights are rounded to nearest.</summary>
    public const int CalibrationImages = 32;

    /// <summary>Images of the table of whole recipes, which compensate errors.</summary>
    public static int RecipeImages => QuantizationOptions.ImagesFor(QuantizationEffort.Balanced);

    /// <summary>The tables of both models.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="limit">Most evaluation images.</param>
    /// <param name="begin">Writes what stands above the tables.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="images">Calibration images.</param>
    public static string Write(string data, int limit, Action<TextWriter> begin, IEnumerable<(string Name, QuantizationOptions Options)> rows, int images)
    {
        var text = new StringWriter();
        begin(text);
        foreach (var subject in Subject.All)
        {
            string path = subject.Path(data);
            var model = Model.Read(path);
            // Unlabelled: no method may look at the classes of the calibration images.
            var calibration = Unlabelled.Of(subject.Calibration(data, images));
            var evaluation = subject.Evaluation(data, limit);
            var labels = Enumerable.Range(0, evaluation.Count).Select(evaluation.Label).ToArray();
            using var session = new OnnxSession(model);
            var reference = ModelOutputs.Of(session, evaluation, new RunSettings());
            double fp32 = reference.TopK(labels, 1)!.Value;
            var bits = ResultsText.BeginModel(text, subject.Name, evaluation.Count, fp32, new FileInfo(path).Length);
            foreach (var (name, options) in rows)
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
