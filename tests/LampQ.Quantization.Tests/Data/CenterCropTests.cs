namespace LampQ.Quantization.Tests;

[TestClass]
public class CenterCropTests
{
    // Each pixel holds its own column in red and its row in green.
    static RgbImage Coordinates(int width, int height)
    {
        var pixels = new byte[3 * width * height];
        for (var i = 0; i < width * height; i++) (pixels[3 * i], pixels[3 * i + 1]) = ((byte)(i % width + 1), (byte)(i / width + 1));
        return new RgbImage(width, height, pixels);
    }

    // int(round((size - crop) / 2.0)) in Python 3, where round goes to the even neighbour.
    [TestMethod]
    [DataRow(227, 224, 2)]
    [DataRow(225, 224, 0)]
    [DataRow(226, 224, 1)]
    [DataRow(229, 224, 2)]
    [DataRow(231, 224, 4)]
    [DataRow(310, 224, 43)]
    [DataRow(224, 224, 0)]
    public void Origin_HalfPixels_GoesToTheEvenNeighbour(int size, int crop, int expected) => Assert.AreEqual(expected, CenterCrop.Origin(size, crop));

    [TestMethod]
    public void Apply_LargerImage_StartsAtTheOrigin()
    {
        var crop = CenterCrop.Apply(Coordinates(227, 225), 224, 224);

        Assert.AreEqual((224, 224), (crop.Width, crop.Height));
        CollectionAssert.AreEqual(new byte[] { 3, 1, 0 }, crop.Pixels[..3]);
        CollectionAssert.AreEqual(new byte[] { 226, 224, 0 }, crop.Pixels[^3..]);
    }

    [TestMethod]
    public void Apply_SmallerImage_IsSurroundedWithZerosTheSmallerHalfFirst()
    {
        // torchvision pads (crop - size) // 2 on the left and on top, (crop - size + 1) // 2 on the right and below.
        var crop = CenterCrop.Apply(Coordinates(2, 1), 5, 4);

        var columns = crop.Pixels.Where((_, i) => i % 3 == 0).ToArray();
        CollectionAssert.AreEqual(new byte[] { 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, columns);
    }

    [TestMethod]
    public void Apply_WiderButLowerImage_IsCutAndPadded()
    {
        var crop = CenterCrop.Apply(Coordinates(7, 1), 4, 3);

        var columns = crop.Pixels.Where((_, i) => i % 3 == 0).ToArray();
        CollectionAssert.AreEqual(new byte[] { 0, 0, 0, 0, 3, 4, 5, 6, 0, 0, 0, 0 }, columns);
    }
}
