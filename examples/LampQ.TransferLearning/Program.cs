// Transfer learning on a quantized Vision Transformer: its features feed a classifier for another task, which learns from a few pictures.
// dotnet run -c Release --project examples/LampQ.TransferLearning
//
// Output with ML.NET 5.0.1:
//
//   SdcaMaximumEntropy on quantized features: 99.2 % of 240 pictures right, log loss 0.030
//
// The stand-ins of eng/offline have no trainers; plain class means learn instead:
//
//   48 quantized features, 4 new classes, 96 pictures to learn from
//   nearest class mean: 226 of 240 right (one of 4 by chance)

using LampQ.Demo;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

var ml = new MLContext(seed: 1);
var training = ml.Data.LoadFromEnumerable(Picture.Draw(ShapeImages.CalibrationSeed, 96));
var test = ml.Data.LoadFromEnumerable(Picture.Draw(ShapeImages.EvaluationSeed, 240));

// Quantize the classifier: its scores are what calibration and sensitivity are about.
string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
using (var classifier = ml.Transforms.LampQ(ml, new LampQOptions { ModelFile = ShapesVit.Path, InputColumnNames = ["Pixels"], CalibrationRows = 48 }).Fit(training))
    classifier.ExportOnnx(file);

// What its head reads are the features: the same model with another output.
Features.Of(Model.Read(file)).Write(file);
var features = ml.Transforms.ApplyLampQModel(ml, "Features", "Pixels", file);

#if LAMPQ_REAL_MLNET
// Trainers read their data many times; the checkpoint lets the ViT run once a picture.
var model = features.AppendCacheCheckpoint(ml).Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(featureColumnName: "Features")).Fit(training);
var metrics = ml.MulticlassClassification.Evaluate(model.Transform(test));
Console.WriteLine($"SdcaMaximumEntropy on quantized features: {metrics.MicroAccuracy:P1} of 240 pictures right, log loss {metrics.LogLoss:F3}");
#else
using var model = features.Fit(training);
Example[] Read(IDataView data) => [.. ml.Data.CreateEnumerable<Example>(model.Transform(data), reuseRowObject: false)];
var means = Read(training).GroupBy(e => e.Label).ToDictionary(g => g.Key, g => Enumerable.Range(0, g.First().Features.Length).Select(i => g.Average(e => e.Features[i])).ToArray());
uint Nearest(float[] x) => means.MinBy(m => m.Value.Zip(x, (a, b) => (a - b) * (a - b)).Sum()).Key;
var judged = Read(test);
Console.WriteLine($"{judged[0].Features.Length} quantized features, {means.Count} new classes, 96 pictures to learn from");
Console.WriteLine($"nearest class mean: {judged.Count(e => Nearest(e.Features) == e.Label)} of {judged.Length} right (one of {means.Count} by chance)");
#endif
File.Delete(file);

static class Features
{
    /// <summary>Of <see cref="ShapesVit"/>.</summary>
    const int Width = 48;

    /// <summary>The model with what its last linear layer reads as its output.</summary>
    public static Model Of(Model model)
    {
        var scores = model.Graph.Outputs[0];
        var node = scores.Producer!;
        // Biases and quantizers lie between the layer and the scores.
        while (node.OpType is not ("MatMul" or "Gemm"))
            node = node.Inputs.First(i => i?.Producer is not null && i.Constant is null)!.Producer!;
        var features = node.Inputs[0]!;
        features.Type = ElementType.Float;
        features.Shape = ["batch", Width];
        model.Graph.RemoveOutput(scores);
        model.Graph.AddOutput(features);
        model.Graph.RemoveUnused();
        return model;
    }
}

/// <summary>A picture of the demo with a label the model was not trained on: in which quarter of the half circle its stripes run. Objects count keys from 0, columns from 1.</summary>
sealed class Picture
{
    [VectorType(3, ShapeImages.Size, ShapeImages.Size)]
    public float[] Pixels { get; set; } = [];

    [KeyType(4)]
    public uint Label { get; set; }

    public static Picture[] Draw(ulong seed, int count)
    {
        var (pixels, labels) = ShapeImages.DrawBatch(seed, 0, count);
        return [.. pixels.Chunk(ShapeImages.Length).Select((p, i) => new Picture { Pixels = p, Label = (uint)labels[i] / 6 })];
    }
}

#if !LAMPQ_REAL_MLNET
sealed class Example
{
    public float[] Features { get; set; } = [];

    [KeyType(4)]
    public uint Label { get; set; }
}
#endif
