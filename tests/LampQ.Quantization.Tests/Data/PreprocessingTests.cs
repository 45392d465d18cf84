namespace LampQ.Quantization.Tests;

[TestClass]
public class PreprocessingTests
{
    [TestMethod]
    public void Apply_WithoutResize_NormalizesEachChannelIntoItsPlane()
    {
        var image = new RgbImage(2, 1, [0, 128, 255, 51, 102, 153]);
        var actual = new float[6];

        new Preprocessing().Apply(image, actual);

        // (v/255 − mean)/std in double precision; single precision keeps 3 roundings of 2⁻²⁴ relative to values below 5.
        double[] expected =
        [
            (0 / 255.0 - 0.485) / 0.229, (51 / 255.0 - 0.485) / 0.229,
            (128 / 255.0 - 0.456) / 0.224, (102 / 255.0 - 0.456) / 0.224,
            (255 / 255.0 - 0.406) / 0.225, (153 / 255.0 - 0.406) / 0.225,
        ];
        for (var i = 0; i < 6; i++) Assert.AreEqual(expected[i], actual[i], 3 * 5 * Math.Pow(2, -24), $"value {i}");
    }

    [TestMethod]
    public void Apply_ResizeAndCrop_EqualsTheTwoStepsOneAfterTheOther()
    {
        var image = new RgbImage(40, 30, PilFixtures.Noise(3 * 40 * 30));
        var preprocessing = new Preprocessing { Resize = ResizeRule.ShortestEdge(20), Crop = new ImageSize(16, 12), RescaleFactor = 1, Mean = [0, 0, 0], Std = [1, 1, 1] };
        var actual = new float[3 * 16 * 12];

        preprocessing.Apply(image, actual);

        var expected = CenterCrop.Apply(Resampling.Resize(image, 26, 20, ResampleFilter.Bicubic), 12, 16);
        for (var i = 0; i < actual.Length; i++) Assert.AreEqual(expected.Pixels[3 * (i % (16 * 12)) + i / (16 * 12)], actual[i]);
        Assert.AreEqual(new ImageSize(16, 12), preprocessing.OutputSize);
    }

    [TestMethod]
    public void Apply_DestinationOfAnotherLength_Throws()
    {
        var image = new RgbImage(2, 1, new byte[6]);

        Assert.ThrowsException<ArgumentException>(() => new Preprocessing().Apply(image, new float[5]));
    }

    [TestMethod]
    public void ResizeAndCrop_HairlineImage_IsRefused()
    {
        var preprocessing = new Preprocessing { Resize = ResizeRule.ShortestEdge(256), Crop = new ImageSize(224, 224) };

        Assert.ThrowsException<InvalidDataException>(() => preprocessing.ResizeAndCrop(new RgbImage(60_000, 1, new byte[180_000])));
    }

    [TestMethod]
    public void Validate_BadValues_NamesTheValueAndTheRange()
    {
        AssertRefused(new Preprocessing { Std = [1, 0, 1] }, "Std is [1, 0, 1]");
        AssertRefused(new Preprocessing { Mean = [0.5, 0.5] }, "Mean is [0.5, 0.5]");
        AssertRefused(new Preprocessing { Mean = [0.5, double.NaN, 0.5] }, "Mean");
        AssertRefused(new Preprocessing { RescaleFactor = 0 }, "rescale factor is 0");
        AssertRefused(new Preprocessing { Crop = new ImageSize(0, 224) }, "0×224");
        AssertRefused(new Preprocessing { Filter = (ResampleFilter)5 }, "filter is 5");

        static void AssertRefused(Preprocessing preprocessing, string expected) =>
            StringAssert.Contains(Assert.ThrowsException<ArgumentException>(preprocessing.Validate).Message, expected);
    }
}
