using LampQ.Quantization;
using LampQ.Quantization.Tests;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class ImageStepTests
{
    static readonly Preprocessing preprocessing = new() { Resize = ResizeRule.ShortestEdge(10), Crop = new ImageSize(8, 8), Mean = [0.1, 0.2, 0.3], Std = [0.4, 0.5, 0.6], Filter = ResampleFilter.Bilinear };

    readonly MLContext ml = new(seed: 1);

    static byte[] Image(int seed)
    {
        byte[] pixels = new byte[3 * 12 * 16];
        new Random(seed).NextBytes(pixels);
        return TestImages.Png(16, 12, pixels);
    }

    [TestMethod]
    public void LampQPixels_SavedAndLoaded_GivesWhatPreprocessingGives()
    {
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 3).Select(i => new Picture { Content = Image(i) }));
        var fitted = ml.Transforms.LampQPixels("Pixels", "Content", preprocessing).Fit(data);
        using var stream = new MemoryStream();
        ml.Model.Save(fitted, data.Schema, stream);
        stream.Position = 0;

        var loaded = new MLContext().Model.Load(stream, out _);

        foreach (var model in new[] { fitted, loaded })
        {
            float[][] found = [.. model.Transform(data).GetColumn<float[]>("Pixels")];
            for (int i = 0; i < 3; i++)
            {
                float[] expected = new float[3 * 8 * 8];
                preprocessing.Apply(ImageDecoder.Default().Decode(Image(i), "test"), expected);
                CollectionAssert.AreEqual(expected, found[i]);
            }
        }
        CollectionAssert.AreEqual(new[] { "Content", "Pixels" }, loaded.GetOutputSchema(data.Schema).Where(c => !c.IsHidden).Select(c => c.Name).ToArray());
    }

    [TestMethod]
    public void LampQPixels_RowWithoutImage_SaysSo()
    {
        var data = ml.Data.LoadFromEnumerable([new Picture()]);
        var view = ml.Transforms.LampQPixels("Pixels", "Content", preprocessing).Fit(data).Transform(data);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => view.GetColumn<float[]>("Pixels").First());

        // ML.NET reads ahead on other threads and wraps what they throw.
        StringAssert.Contains(error.GetBaseException().Message, "no bytes");
        StringAssert.Contains(error.GetBaseException().Message, "'Content'");
    }

    [TestMethod]
    public void LampQClassName_OfScores_IsThatOfTheFirstLargest()
    {
        var data = ml.Data.LoadFromEnumerable([new Scores { Score = [1, 3, 3] }, new Scores { Score = [2, -1, 0] }]);

        var view = ml.Transforms.LampQClassName("Name", "Score", ["a", "b \"quoted\"", "ü"]).Fit(data).Transform(data);

        CollectionAssert.AreEqual(new[] { "b \"quoted\"", "a" }, view.GetColumn<string>("Name").ToArray());
    }

    [TestMethod]
    public void LampQClassName_AnotherNumberOfScores_SaysBoth()
    {
        var data = ml.Data.LoadFromEnumerable([new Scores { Score = [1, 3, 3] }]);
        var view = ml.Transforms.LampQClassName("Name", "Score", ["a", "b"]).Fit(data).Transform(data);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => view.GetColumn<string>("Name").First());

        StringAssert.Contains(error.GetBaseException().Message, "3 scores for 2 class names");
    }

    /// <summary>What ExtractPixels gives ([3, H, W]), what a loader gives (flat), and what LampQPixels gives (any size).</summary>
    [TestMethod]
    [DataRow(3, 8, 8)]
    [DataRow(192)]
    [DataRow(0)]
    public void Fit_OnEveryShapeOfAnImageColumn_GivesTheSameScores(params int[] dimensions)
    {
        using var work = new Workplace();
        float[][] expected = [.. work.Read(work.Scoring().Fit(work.Data(3)).Transform(work.Data(3))).Select(r => r.Score)];
        var definition = SchemaDefinition.Create(typeof(Row));
        definition["Pixels"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, dimensions);
        var data = work.ML.Data.LoadFromEnumerable(work.Rows(3), definition);

        float[][] found = [.. work.Read(work.Scoring().Fit(data).Transform(data)).Select(r => r.Score)];

        for (int i = 0; i < 3; i++)
            CollectionAssert.AreEqual(expected[i], found[i]);
    }

    sealed class Picture
    {
        public byte[] Content { get; set; } = [];
    }

    sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
