using System.Diagnostics;
using System.Globalization;
using LampQ.Accuracy;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

// Writes docs/results.md: two ImageNet ViTs, 32 calibration images, the whole evaluation set, in one run.
// Arguments: the data folder, the file to write, and optionally the number of evaluation images.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length < 2)
{
    Console.Error.WriteLine("usage: LampQ.Accuracy DATA-FOLDER OUTPUT.md [EVALUATION-IMAGES]");
    return 2;
}
string data = args[0];
int limit = args.Length > 2 ? int.Parse(args[2]) : int.MaxValue;
double[] half = [0.5, 0.5, 0.5];
Subject[] subjects =
[
    new("DeiT-Tiny", "deit_tiny_patch16_224.onnx", Preprocessing.ImageNetMean, Preprocessing.ImageNetStd),
    new("ViT-Tiny", "vit_tiny_patch16_224.onnx", half, half),
];

using var report = new StreamWriter(args[1]) { AutoFlush = true };
ResultsText.Begin(report);
foreach (var subject in subjects)
{
    var model = Model.Read(Path.Combine(data, "models", subject.File));
    var calibration = SampleSet.Open(Path.Combine(data, "imagenet-calibration", "labels.tsv"), subject.Preprocessing(resize: 248)).Sample(32, seed: 0);
    var evaluation = SampleSet.Open(Path.Combine(data, "imagenet-val", "labels.tsv"), subject.Preprocessing(resize: null)).Take(limit);
    var labels = Enumerable.Range(0, evaluation.Count).Select(evaluation.Label).ToArray();
    using var session = new OnnxSession(model);
    var reference = ModelOutputs.Of(session, evaluation, new RunSettings());
    double fp32 = reference.TopK(labels, 1)!.Value;
    ResultsText.BeginModel(report, subject.Name, evaluation.Count, fp32, new FileInfo(Path.Combine(data, "models", subject.File)).Length);
    foreach (var (name, options) in Rows.All)
    {
        // Unlabelled calibration: no method may look at the classes of the calibration images.
        var result = new ModelQuantizer(options).Quantize(model, Unlabelled.Of(calibration));
        using var quantized = new OnnxSession(result.Model);
        var outputs = ModelOutputs.Of(quantized, evaluation, options.Run);
        var row = new ResultRow(name, result.AverageBits, outputs.TopK(labels, 1)!.Value - fp32, reference.Agreement(outputs), reference.MeanKl(outputs),
            result.SizeInBytes, result.Seconds.Total, string.Concat(result.Layers.Select(l => l.Bits)));
        ResultsText.Add(report, row);
        Console.WriteLine($"{subject.Name}: {row}");
    }
    ResultsText.EndModel(report);
}
ResultsText.End(report, Process.GetCurrentProcess().PeakWorkingSet64);
return 0;
