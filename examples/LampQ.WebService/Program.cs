// A web service with a quantized model: ASP.NET Core and ML.NET's PredictionEnginePool, which lends each request an engine of its own.
// dotnet run -c Release --project examples/LampQ.WebService              (asks itself once and ends)
// dotnet run -c Release --project examples/LampQ.WebService -- --serve   (keeps running; curl --data-binary @picture.png http://127.0.0.1:5080/predict)
//
// Output with ML.NET 5.0.1 and, because Microsoft.Extensions.ML did not restore, its stand-in of eng/offline (ML.NET's source of it gives the same):
//
//   a picture: 200 {"predictedLabel":"stripes at 45°","score":7.4730387}
//   no picture: 400 "Image '(from column Image)' starts with the bytes 68656C6C6F; expected a JPEG (FFD8FF) or PNG (89504E470D0A1A0A) file. Convert or remove it."

using LampQ.Demo;
using LampQ.Quantization;
using LampQ.Transforms;
using Microsoft.Extensions.ML;
using Microsoft.ML;

bool serve = args.Contains("--serve");
byte[] Picture(ulong seed, int index)
{
    byte[] rgb = new byte[ShapeImages.Length];
    ShapeImages.Draw(seed, index, rgb);
    return PngFile.Of(ShapeImages.Size, ShapeImages.Size, rgb);
}

// Once, normally by another program: quantize and save.
string modelFile = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.zip");
var ml = new MLContext(seed: 1);
var pictures = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 48).Select(i => new ImageInput { Image = Picture(ShapeImages.CalibrationSeed, i) }));
var preprocessing = new Preprocessing { Mean = [0.5, 0.5, 0.5], Std = [0.5, 0.5, 0.5], Crop = new ImageSize(ShapeImages.Size, ShapeImages.Size) };
using (var model = ml.Transforms.LampQPixels("Pixels", "Image", preprocessing)
    .Append(ml.Transforms.LampQ(ml, new LampQOptions { ModelFile = ShapesVit.Path, InputColumnNames = ["Pixels"], OutputColumnNames = ["Score"], CalibrationRows = 48, Threads = 1 }))
    .Append(ml.Transforms.LampQClassName("PredictedLabel", "Score", ShapeImages.ClassNames)).Fit(pictures))
    LampQModel.Save(ml, model, pictures.Schema, modelFile);

// The service. One thread a prediction: requests, not one of them, share the cores.
var builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.Services.AddPredictionEnginePool<ImageInput, Prediction>().FromFile(modelName: "shapes", filePath: modelFile, watchForChanges: false);
var app = builder.Build();
app.Urls.Add($"http://127.0.0.1:{(serve ? 5080 : 0)}");
app.MapPost("/predict", async (HttpRequest request, PredictionEnginePool<ImageInput, Prediction> pool) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body);
    try
    {
        var prediction = pool.Predict("shapes", new ImageInput { Image = body.ToArray() });
        return Results.Ok(new { prediction.PredictedLabel, Score = prediction.Score.Max() });
    }
    catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
    {
        return Results.BadRequest(e.Message);
    }
});
await app.StartAsync();
if (serve)
    await app.WaitForShutdownAsync();
else
    using (var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) })
        foreach (var (what, content) in new[] { ("a picture", Picture(ShapeImages.EvaluationSeed, 7)), ("no picture", "hello"u8.ToArray()) })
        {
            var answer = await client.PostAsync("/predict", new ByteArrayContent(content));
            Console.WriteLine($"{what}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
await app.StopAsync();
File.Delete(modelFile);

sealed class ImageInput
{
    public byte[] Image { get; set; } = [];
}

sealed class Prediction
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
