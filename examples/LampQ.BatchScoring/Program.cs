// Score a folder of pictures in batches: files are read as rows are asked for, the model runs once for eight of them, and nothing but a batch is in memory.
// dotnet run -c Release --project examples/LampQ.BatchScoring
//
// Output with ML.NET 5.0.1 (2 cores, AVX-512 VNNI; the speed differs from run to run):
//
//   000.png: stripes at 7.5°
//   001.png: stripes at 7.5°
//   002.png: stripes at 15°
//   240 pictures, 227 right, 544 a second with reading and decoding

using System.Diagnostics;
using LampQ.Demo;
using LampQ.Quantization;
using LampQ.Transforms;
using Microsoft.ML;

string folder = Directory.CreateTempSubdirectory("lampq-pictures-").FullName;
byte[] rgb = new byte[ShapeImages.Length];
for (int i = 0; i < 240; i++)
{
    ShapeImages.Draw(ShapeImages.EvaluationSeed, i, rgb);
    File.WriteAllBytes(Path.Combine(folder, $"{i:D3}.png"), PngFile.Of(ShapeImages.Size, ShapeImages.Size, rgb));
}

var ml = new MLContext(seed: 1);
IEnumerable<ImageFile> files = Directory.EnumerateFiles(folder, "*.png").Order().Select(f => new ImageFile { Name = Path.GetFileNameWithoutExtension(f), Content = File.ReadAllBytes(f) });
var data = ml.Data.LoadFromEnumerable(files);

// From -1 to 1, as the model was trained. For other models: PreprocessorConfig.Read("preprocessor_config.json").
var preprocessing = new Preprocessing { Mean = [0.5, 0.5, 0.5], Std = [0.5, 0.5, 0.5], Crop = new ImageSize(ShapeImages.Size, ShapeImages.Size) };
var pipeline = ml.Transforms.LampQPixels("Pixels", "Content", preprocessing)
    .Append(ml.Transforms.LampQ(ml, new LampQOptions { ModelFile = ShapesVit.Path, InputColumnNames = ["Pixels"], OutputColumnNames = ["Score"], CalibrationRows = 48 }))
    .Append(ml.Transforms.LampQClassName("PredictedLabel", "Score", ShapeImages.ClassNames));
using var model = pipeline.Fit(data);

var watch = Stopwatch.StartNew();
int scored = 0, right = 0;
foreach (var row in ml.Data.CreateEnumerable<Scored>(model.Transform(data), reuseRowObject: true))
{
    if (scored++ < 3)
        Console.WriteLine($"{row.Name}.png: {row.PredictedLabel}");
    if (row.PredictedLabel == ShapeImages.ClassNames[ShapeImages.LabelOf(int.Parse(row.Name))])
        right++;
}
Console.WriteLine($"{scored} pictures, {right} right, {scored / watch.Elapsed.TotalSeconds:F0} a second with reading and decoding");
Directory.Delete(folder, recursive: true);

sealed class ImageFile
{
    public string Name { get; set; } = "";

    public byte[] Content { get; set; } = [];
}

sealed class Scored
{
    public string Name { get; set; } = "";

    public string PredictedLabel { get; set; } = "";
}
