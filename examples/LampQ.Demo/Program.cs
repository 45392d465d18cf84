using LampQ.Demo;
using LampQ.Onnx;
using LampQ.Quantization;
using Evaluation = LampQ.Demo.Evaluation;

if (args is ["draw", ..])
    return DrawCommand.Run(args.AsSpan(1));

const int Pictures = 2000, CalibrationPictures = 32;
Console.WriteLine($"A Vision Transformer on {Pictures} drawn pictures of {ShapeImages.ClassNames.Count} classes; latency: one picture, one thread, median.");
Console.WriteLine("uniform: one width, weights rounded to nearest; LampQ's widths: a width for each layer, rounded to nearest;");
Console.WriteLine("LampQ: those widths, and rounding errors compensated, as `lampq quantize` does.");
Console.WriteLine("Patch embedding and head hold 8 bits in every row; activations and attention 8 bits; LayerNorm, softmax,");
Console.WriteLine("GELU and residual adds are float.");

var evaluation = new Evaluation(Pictures);
var comparison = new Comparison(Console.Out);
comparison.Begin();
comparison.Add(evaluation.Measure("fp32", File.ReadAllBytes(ShapesVit.Path)));

var model = Model.Read(ShapesVit.Path);
var calibration = Calibration(CalibrationPictures);
foreach (int bits in (int[])[4, 3])
{
    Add($"uniform, {bits} bits", new QuantizationOptions { Method = AllocationMethod.Uniform, UniformBits = bits, Compensation = ErrorCompensation.None });
    Add($"LampQ's widths, {bits} bits on average", new QuantizationOptions { TargetBits = bits, Compensation = ErrorCompensation.None });
    Add($"LampQ, {bits} bits on average", new QuantizationOptions { TargetBits = bits });
}
return 0;

void Add(string name, QuantizationOptions options)
{
    var quantized = new ModelQuantizer(options).Quantize(model, calibration).Model;
    comparison.Add(evaluation.Measure(name, quantized.ToBytes()));
}

static SampleSet Calibration(int count)
{
    var (pixels, labels) = ShapeImages.DrawBatch(ShapeImages.CalibrationSeed, 0, count);
    return SampleSet.FromTensors([3, ShapeImages.Size, ShapeImages.Size], [.. pixels.Chunk(ShapeImages.Length)], labels);
}
