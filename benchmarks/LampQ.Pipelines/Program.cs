// Speed of a ViT in an ML.NET pipeline: LampQ's batched step, the bare session at the same batch, and ML.NET's own step one row a run.
// dotnet run -c Release --project benchmarks/LampQ.Pipelines -- MODEL.onnx [images] [batch] [threads] [rounds]
// CPU time is told beside wall time: on a machine that others use too, it is the one that repeats.

using System.Diagnostics;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string modelFile = args[0];
int Number(int index, int otherwise) => args.Length > index ? int.Parse(args[index]) : otherwise;
int images = Number(1, 100), batch = Number(2, 8), threads = Number(3, 1), rounds = Number(4, 3);

var ml = new MLContext(seed: 1);
var source = Model.Read(modelFile);
int[] axes = [.. source.Graph.Inputs[0].Shape!.Skip(1).Select(d => (int)d.Size!.Value)];
var random = new Random(1);
var rows = Enumerable.Range(0, images).Select(_ => new Row { Pixels = [.. Enumerable.Range(0, axes.Aggregate(1, (p, a) => p * a)).Select(_ => random.NextSingle() * 4 - 2)] }).ToArray();
var definition = SchemaDefinition.Create(typeof(Row));
definition["Pixels"].ColumnName = source.Graph.Inputs[0].Name;
definition[source.Graph.Inputs[0].Name].ColumnType = new VectorDataViewType(NumberDataViewType.Single, axes);
var data = ml.Data.LoadFromEnumerable(rows, definition);

var watch = Stopwatch.StartNew();
using var transformer = ml.Transforms.LampQ(ml, new LampQOptions
{
    ModelFile = modelFile,
    CalibrationRows = 8,
    BatchSize = batch,
    Threads = threads,
    Quantization = new QuantizationOptions { Method = AllocationMethod.Uniform, UniformBits = 4 },
}).Fit(data);
Console.WriteLine($"fit (uniform, 8 rows)        {watch.Elapsed.TotalSeconds,8:F2} s");
string output = source.Graph.Outputs[0].Name;
string quantizedFile = Path.GetTempFileName(), zip = Path.GetTempFileName();
transformer.ExportOnnx(quantizedFile);

Tell("save, mlContext.Model", () => ml.Model.Save(transformer, data.Schema, zip));
ITransformer? loaded = null;
Tell("load, mlContext.Model", () => loaded = ml.Model.Load(zip, out _));
Tell("first row after load", () => loaded!.Transform(ml.Data.TakeRows(data, 1)).GetColumn<float[]>(output).First());
Tell("save, LampQModel", () => LampQModel.Save(ml, transformer, data.Schema, zip));
Tell("load, LampQModel", () => LampQModel.Load(ml, zip, out _));

using var bare = LampQSession.Load(quantizedFile, new LampQSessionOptions { Threads = threads });
using var native = ml.Transforms.ApplyOnnxModel(modelFile).Fit(data);
var routes = new (string Name, Action Run)[]
{
    ($"bare session, batch {batch}", RunBare),
    ($"LampQ step, batch {batch}", () => Read(transformer.Transform(data))),
    ("LampQ saved and loaded, rows", () => Read(loaded!.Transform(data))),
    ("ML.NET ApplyOnnxModel, fp32", () => Read(native.Transform(data))),
};
foreach (var (_, run) in routes)
    run();
// In turn, so that a busy machine touches all alike; the best round counts.
double[] best = [.. routes.Select(_ => double.MaxValue)], cpu = [.. routes.Select(_ => double.MaxValue)];
long[] allocated = new long[routes.Length];
for (int round = 0; round < rounds; round++)
    for (int i = 0; i < routes.Length; i++)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        var busy = Process.GetCurrentProcess().TotalProcessorTime;
        watch.Restart();
        routes[i].Run();
        cpu[i] = Math.Min(cpu[i], (Process.GetCurrentProcess().TotalProcessorTime - busy).TotalMilliseconds / images);
        best[i] = Math.Min(best[i], watch.Elapsed.TotalMilliseconds / images);
        allocated[i] = (GC.GetTotalAllocatedBytes(precise: true) - before) / images;
    }
for (int i = 0; i < routes.Length; i++)
    Console.WriteLine($"{routes[i].Name,-30} {best[i],8:F2} ms an image, {cpu[i],8:F2} ms CPU, {cpu[^1] / cpu[i],5:F2} x ApplyOnnxModel (CPU), {allocated[i],9:N0} bytes allocated");
Console.WriteLine($"LampQ step / bare session: {best[0] / best[1]:P1} of its speed by wall time, {cpu[0] / cpu[1]:P1} by CPU time; {threads} threads, {images} images, best of {rounds}");
File.Delete(quantizedFile);
File.Delete(zip);

void Tell(string what, Action action)
{
    var time = Stopwatch.StartNew();
    var busy = Process.GetCurrentProcess().TotalProcessorTime;
    action();
    Console.WriteLine($"{what,-28} {time.Elapsed.TotalSeconds,8:F2} s, {(Process.GetCurrentProcess().TotalProcessorTime - busy).TotalSeconds,6:F2} s CPU");
}

void RunBare()
{
    float[] buffer = new float[batch * rows[0].Pixels.Length];
    for (int first = 0; first < images; first += batch)
    {
        int count = Math.Min(batch, images - first);
        for (int i = 0; i < count; i++)
            rows[first + i].Pixels.CopyTo(buffer, i * rows[0].Pixels.Length);
        bare.Run(new Dictionary<string, Tensor> { [bare.InputNames[0]] = Tensor.Of(buffer.AsSpan(0, count * rows[0].Pixels.Length), [count, .. axes.Select(a => (long)a)]) }, bare.OutputNames, (_, _, _) => { });
    }
}

void Read(IDataView view)
{
    using var cursor = view.GetRowCursor([view.Schema[output]]);
    var get = cursor.GetGetter<VBuffer<float>>(view.Schema[output]);
    VBuffer<float> value = default;
    while (cursor.MoveNext())
        get(ref value);
}

sealed class Row
{
    public float[] Pixels { get; set; } = [];
}
