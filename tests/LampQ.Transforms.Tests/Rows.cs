using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

/// <summary>A picture of a <see cref="TinyVit"/> with things beside it.</summary>
sealed class Row
{
    public const int Size = 3 * 8 * 8;

    public int Number { get; set; }

    public string Text { get; set; } = "";

    [VectorType(3, 8, 8)]
    public float[]? Pixels { get; set; }

    /// <summary>Objects count keys from 0.</summary>
    [KeyType(5)]
    public uint Label { get; set; }
}

/// <summary>What comes out.</summary>
sealed class Scored
{
    public int Number { get; set; }

    public string Text { get; set; } = "";

    public float[] Score { get; set; } = [];
}

/// <summary>A temporary folder with a tiny model, rows for it, and what plain ONNX Runtime says about them.</summary>
sealed class Workplace : IDisposable
{
    public Workplace(TinyVit? vit = null)
    {
        Vit = vit ?? new TinyVit { DynamicBatch = true };
        Directory.CreateDirectory(Folder);
        ModelFile = Path.Combine(Folder, "vit.onnx");
        Vit.Build().Write(ModelFile);
    }

    public TinyVit Vit { get; }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"lampq-{Guid.NewGuid():N}");

    public string ModelFile { get; }

    public MLContext ML { get; } = new(seed: 1);

    public string File(string name) => Path.Combine(Folder, name);

    public Row[] Rows(int count)
    {
        float[] pixels = Vit.Images(count).ToFloats();
        return [.. Enumerable.Range(0, count).Select(i => new Row
        {
            Number = i,
            Text = $"row {i}",
            Pixels = pixels.AsSpan(i * Row.Size, Row.Size).ToArray(),
            Label = (uint)(i % 5),
        })];
    }

    public IDataView Data(int count) => ML.Data.LoadFromEnumerable(Rows(count));

    /// <summary>Scores of the float model, one row a run.</summary>
    public static float[][] Reference(Model model, IEnumerable<Row> rows)
    {
        using var session = new OnnxSession(model, new OnnxSessionOptions { Threads = 1 });
        return [.. rows.Select(r => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = Tensor.Of(r.Pixels!, 1, 3, 8, 8) })[0].ToFloats())];
    }

    public LampQScoringEstimator Scoring(int batchSize = 4, SaveFormat? saveAs = null, string output = "Score") => ML.Transforms.ApplyLampQModel(ML, ModelFile, new LampQScoringOptions
    {
        InputColumnNames = ["Pixels"],
        OutputColumnNames = [output],
        BatchSize = batchSize,
        Threads = 1,
        SaveAs = saveAs ?? SaveFormat.Mapping,
    });

    /// <summary>Quick options: a uniform width measures nothing.</summary>
    public LampQOptions Options() => new()
    {
        ModelFile = ModelFile,
        InputColumnNames = ["Pixels"],
        OutputColumnNames = ["Score"],
        CalibrationRows = 6,
        CalibrationSampling = CalibrationSampling.FirstRows,
        BatchSize = 4,
        Threads = 1,
        Quantization = new QuantizationOptions { Method = AllocationMethod.Uniform, UniformBits = 4, Run = new RunSettings { Session = new OnnxSessionOptions { Threads = 1 } } },
    };

    public Scored[] Read(IDataView view) => [.. ML.Data.CreateEnumerable<Scored>(view, reuseRowObject: false)];

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>Comparisons with a derived tolerance.</summary>
static class Same
{
    /// <summary>
    /// Sums of at most 200 float products of magnitude around 1, in another order in a batch than alone: 200·2⁻²⁴ ≈ 1.2e-5 relative, a few times over along the layers.
    /// </summary>
    public const float Tolerance = 1e-4f;

    public static void Values(IReadOnlyList<float> expected, IReadOnlyList<float> actual, string what)
    {
        Assert.AreEqual(expected.Count, actual.Count, what);
        for (int i = 0; i < expected.Count; i++)
            Assert.AreEqual(expected[i], actual[i], Tolerance * Math.Max(1, Math.Abs(expected[i])), $"{what}, value {i}");
    }

    /// <summary>Names, types and visibility of columns, in order.</summary>
    public static void Schemas(DataViewSchema expected, DataViewSchema actual) =>
        CollectionAssert.AreEqual(Visible(expected), Visible(actual));

    static string[] Visible(DataViewSchema schema) => [.. schema.Where(c => !c.IsHidden).Select(c => $"{c.Name}: {c.Type}")];
}
