using System.Security.Cryptography;
using LampQ.Demo;

namespace LampQ.Quantization.Tests;

[TestClass]
public class ShapeImagesTests
{
    // Written down once from a run on x64 Linux. Another value means that pictures changed:
    // then the model in examples/LampQ.Demo/model has been trained on other pictures and must be trained again.
    const string HashOfTheFirst64 = "59A46969E1FB7BFC5B243BDC856E487A1B3B492DA6FBF1DDEECD5AC9AFFB8469";

    [TestMethod]
    public void Draw_First64PicturesOfTheEvaluationSeed_AreTheCommittedBytes()
    {
        var pictures = DrawBytes(ShapeImages.EvaluationSeed, 64);

        Assert.AreEqual(HashOfTheFirst64, Convert.ToHexString(SHA256.HashData(pictures)));
    }

    [TestMethod]
    public void Draw_SamePictureTwice_GivesTheSameBytes()
    {
        CollectionAssert.AreEqual(DrawBytes(seed: 12, count: 8), DrawBytes(seed: 12, count: 8));
    }

    [TestMethod]
    public void Draw_NeighbouringIndicesAndSeeds_GiveDifferentPictures()
    {
        var hashes = new HashSet<string>();
        for (ulong seed = 0; seed < 8; seed++)
            foreach (var picture in DrawBytes(seed, 32).Chunk(ShapeImages.Length))
                hashes.Add(Convert.ToHexString(SHA256.HashData(picture)));

        Assert.HasCount(8 * 32, hashes);
    }

    [TestMethod]
    public void Draw_ThousandPictures_LabelsAreInRangeAndEachClassHasItsShare()
    {
        var (_, labels) = ShapeImages.DrawBatch(ShapeImages.EvaluationSeed, 0, 1000);

        var counts = labels.CountBy(label => label).ToDictionary();
        CollectionAssert.AreEquivalent(Enumerable.Range(0, ShapeImages.ClassNames.Count).ToArray(), counts.Keys);
        Assert.IsTrue(counts.Values.All(count => count is 41 or 42), "1000 / 24 is 41.7");
    }

    [TestMethod]
    public void Draw_ManyPictures_UseTheWholeRangeOfBytesAroundItsMiddle()
    {
        var pictures = DrawBytes(seed: 5, count: 64);

        Assert.AreEqual(0, pictures.Min());
        Assert.AreEqual(255, pictures.Max());
        Assert.AreEqual(127.5, pictures.Average(value => value), 10); // colours are drawn from 20 to 235
    }

    [TestMethod]
    public void DrawBatch_FromTheMiddleOfASeries_GivesTheSamePicturesAsDrawingThemOneByOne()
    {
        var (pixels, labels) = ShapeImages.DrawBatch(seed: 9, first: 20, count: 3);

        var rgb = new byte[ShapeImages.Length];
        for (var i = 0; i < 3; i++)
        {
            var label = ShapeImages.Draw(9, 20 + i, rgb);
            Assert.AreEqual(label, labels[i]);
            for (var row = 0; row < ShapeImages.Size; row++)
                for (var column = 0; column < ShapeImages.Size; column++)
                    for (var channel = 0; channel < 3; channel++)
                        Assert.AreEqual(
                            (rgb[(row * ShapeImages.Size + column) * 3 + channel] - 127.5f) / 127.5f,
                            pixels[((i * 3 + channel) * ShapeImages.Size + row) * ShapeImages.Size + column]);
        }
    }

    [TestMethod]
    public void Draw_BufferOfAnotherLength_ThrowsNamingBothNumbers()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => ShapeImages.Draw(1, 0, new byte[10]));

        StringAssert.Contains(exception.Message, "10");
        StringAssert.Contains(exception.Message, "3072");
    }

    [TestMethod]
    public void Draw_NegativeIndex_Throws()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ShapeImages.Draw(1, -1, new byte[ShapeImages.Length]));
    }

    static byte[] DrawBytes(ulong seed, int count)
    {
        var pictures = new byte[count * ShapeImages.Length];
        for (var i = 0; i < count; i++)
            ShapeImages.Draw(seed, i, pictures.AsSpan(i * ShapeImages.Length, ShapeImages.Length));
        return pictures;
    }
}
