using System.Security.Cryptography;

namespace LampQ.Quantization.Tests;

[TestClass]
public class ResamplingTests
{
    static RgbImage NoiseImage(int width, int height) => new(width, height, PilFixtures.Noise(3 * width * height));

    [TestMethod]
    [DataRow(ResampleFilter.Nearest)]
    [DataRow(ResampleFilter.Lanczos)]
    [DataRow(ResampleFilter.Bilinear)]
    [DataRow(ResampleFilter.Bicubic)]
    public void Resize_UpDownOneSideAndOnePixel_EqualsPilByteForByte(ResampleFilter filter)
    {
        foreach (var fixture in PilFixtures.Resized.Where(fixture => fixture.Filter == (int)filter))
        {
            var image = Resampling.Resize(NoiseImage(fixture.Width, fixture.Height), fixture.ToWidth, fixture.ToHeight, filter);

            var difference = ImageDecoderTests.LargestDifference(Convert.FromBase64String(fixture.Pixels), image.Pixels);
            Assert.AreEqual(0, difference, $"{fixture.Width}×{fixture.Height} → {fixture.ToWidth}×{fixture.ToHeight}");
        }
    }

    // hashlib.sha256(Image.frombytes("RGB", (w, h), noise(3*w*h)).resize((tw, th), filter).tobytes()).hexdigest(), noise as in make_pil_fixtures.py
    [TestMethod]
    [DataRow(320, 256, 310, 248, ResampleFilter.Bicubic, "45963B8725667946082F616841B5B7EF278F8D72C766C57E84F966673B0BBC0F")]
    [DataRow(101, 203, 224, 224, ResampleFilter.Bilinear, "C5E85D196A8F7F325C0DEBF07EF83E66FEDF23E3CEF6E13B4CB133597085FD33")]
    [DataRow(500, 375, 298, 224, ResampleFilter.Lanczos, "E304DBD2846B956D4B76B96B650126B8E6A9032A7828C99ADEAF8E0E65D04FD9")]
    [DataRow(97, 61, 333, 500, ResampleFilter.Nearest, "CB29A1035CFEA3524533B972A4098090AA769924A7E304FB16CD478B96A12305")]
    public void Resize_PhotoSizes_EqualsPilByteForByte(int width, int height, int toWidth, int toHeight, ResampleFilter filter, string sha256)
    {
        var image = Resampling.Resize(NoiseImage(width, height), toWidth, toHeight, filter);

        Assert.AreEqual(sha256, Convert.ToHexString(SHA256.HashData(image.Pixels)));
    }

    [TestMethod]
    public void Resize_OneColour_StaysThatColour()
    {
        foreach (var filter in Enum.GetValues<ResampleFilter>())
        {
            foreach (var value in (byte[])[0, 1, 127, 254, 255])
            {
                var image = new RgbImage(17, 23, [.. Enumerable.Repeat(value, 3 * 17 * 23)]);

                var resized = Resampling.Resize(image, 29, 5, filter);

                Assert.IsTrue(resized.Pixels.All(pixel => pixel == value), $"{filter} of {value}");
            }
        }
    }

    [TestMethod]
    public void Resize_ToItsOwnSize_ReturnsTheImage()
    {
        var image = NoiseImage(5, 4);

        Assert.AreSame(image, Resampling.Resize(image, 5, 4, ResampleFilter.Bicubic));
    }

    [TestMethod]
    public void Resize_UnknownFilterOrEmptySize_Throws()
    {
        var image = NoiseImage(5, 4);

        Assert.ThrowsException<ArgumentOutOfRangeException>(() => Resampling.Resize(image, 0, 4, ResampleFilter.Bicubic));
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => Resampling.Resize(image, 5, 5, (ResampleFilter)4));
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => Resampling.Resize(image, 100_000, 100_000, ResampleFilter.Bicubic));
    }

    [TestMethod]
    [DataRow(320, 256, 248, 310, 248)]
    [DataRow(256, 320, 248, 248, 310)]
    [DataRow(500, 375, 256, 341, 256)] // 341.33 is cut, not rounded
    [DataRow(3, 2, 255, 382, 255)] // 382.5
    [DataRow(7, 7, 224, 224, 224)]
    public void ShortestEdge_AnyRatio_CutsTheLongerSideToWholePixels(int width, int height, int edge, int expectedWidth, int expectedHeight) =>
        Assert.AreEqual((expectedWidth, expectedHeight), Resampling.ShortestEdge(width, height, edge));
}
