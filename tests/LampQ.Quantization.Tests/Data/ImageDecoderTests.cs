namespace LampQ.Quantization.Tests;

[TestClass]
public class ImageDecoderTests
{
    public static IEnumerable<object[]> Fixtures => PilFixtures.Decoded.Select(fixture => new object[] { fixture.Name });

    // Alpha beside 16 bits is the one case where libpng's simplified API rounds and PIL cuts off.
    static int Tolerance(string fixture, ImageDecoder decoder) =>
        decoder == ImageDecoder.Native && fixture is "png RGBA 16 bits" or "png gray and alpha 16 bits" ? 1 : 0;

    [TestMethod]
    [DynamicData(nameof(Fixtures))]
    public void Decode_EveryKindOfFile_EqualsPil(string name)
    {
        var fixture = PilFixtures.Decoded.Single(fixture => fixture.Name == name);
        foreach (var decoder in ImageDecoder.All)
        {
            var image = decoder.Decode(Convert.FromBase64String(fixture.File), name);

            Assert.AreEqual((fixture.Width, fixture.Height), (image.Width, image.Height));
            var difference = LargestDifference(Convert.FromBase64String(fixture.Pixels), image.Pixels);
            Assert.IsTrue(difference <= Tolerance(name, decoder), $"{decoder.Name}: largest difference {difference}");
        }
    }

    [TestMethod]
    public void Decode_PngOfKnownPixels_ReturnsThem()
    {
        var pixels = PilFixtures.Noise(3 * 31 * 7);

        foreach (var decoder in ImageDecoder.All)
            CollectionAssert.AreEqual(pixels, decoder.Decode(TestImages.Png(31, 7, pixels), "noise.png").Pixels, decoder.Name);
    }

    [TestMethod]
    public void Decode_EmptyFile_SaysSo() => AssertRefused([], "a.jpg", "empty");

    [TestMethod]
    public void Decode_TextFile_NamesItsFirstBytes() => AssertRefused("GIF89a not an image"u8.ToArray(), "a.jpg", "474946383961");

    [TestMethod]
    public void Decode_OnlyTheSignature_IsRefused()
    {
        AssertRefused([0xFF, 0xD8, 0xFF], "a.jpg", "JPEG header is broken");
        AssertRefused([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A], "a.png", "IHDR");
    }

    [TestMethod]
    [DynamicData(nameof(Fixtures))]
    public void Decode_CutAnywhere_IsRefusedNamingTheFile(string name)
    {
        var file = Convert.FromBase64String(PilFixtures.Decoded.Single(fixture => fixture.Name == name).File);
        // Cutting only the JPEG end marker loses no pixel, but the file is truncated all the same: 1 removes its last byte.
        foreach (var kept in (int[])[file.Length / 4, file.Length / 2, file.Length * 3 / 4, file.Length - 12, file.Length - 2, file.Length - 1])
            AssertRefused(file[..kept], "cut file", "expected");
    }

    [TestMethod]
    public void Decode_JpegWithDamagedScan_IsRefused()
    {
        var file = Convert.FromBase64String(PilFixtures.Decoded.Single(fixture => fixture.Name == "jpeg 4:4:4").File);
        // An end marker in the middle of the scan: libjpeg fills the rest with gray and only warns.
        (file[^60], file[^59]) = (0xFF, 0xD9);

        // Skia does not pass warnings on.
        AssertRefused(ImageDecoder.Native, file, "a.jpg", "truncated or broken");
    }

    [TestMethod]
    public void Decode_PngHeaderOfAnotherLength_IsRefused()
    {
        var file = Convert.FromBase64String(PilFixtures.Decoded.Single(fixture => fixture.Name == "png gray 16 bits").File);
        file[11] = 0;

        AssertRefused(file, "a.png", "IHDR");
    }

    [TestMethod]
    public void Decode_PngWithDamagedData_IsRefused()
    {
        var file = TestImages.Png(31, 7, PilFixtures.Noise(3 * 31 * 7));
        file[100] ^= 0x55;

        AssertRefused(file, "a.png", "truncated or broken");
    }

    [TestMethod]
    public void Decode_HeaderThatClaimsTooManyPixels_IsRefusedBeforeTheyAreAllocated()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        AssertRefused(TestImages.PngBomb(50_000, 50_000), "bomb.png", "50,000×50,000");
        AssertRefused(TestImages.PngBomb(0, 5), "flat.png", "0×5");

        Assert.IsTrue(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [TestMethod]
    public void Decode_JpegHeaderThatClaimsTooManyPixels_IsRefused()
    {
        var file = Convert.FromBase64String(PilFixtures.Decoded.Single(fixture => fixture.Name == "jpeg 4:2:0").File);
        var frame = file.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        ReadOnlySpan<byte> size = [0xF0, 0x00, 0xF0, 0x00];
        size.CopyTo(file.AsSpan(frame + 5));

        AssertRefused(file, "bomb.jpg", "61,440×61,440");
    }

    [TestMethod]
    public void Decode_FromSeveralThreads_ReturnsTheSamePixels()
    {
        var fixture = PilFixtures.Decoded.Single(fixture => fixture.Name == "jpeg 4:2:0");
        var file = Convert.FromBase64String(fixture.File);
        var expected = Convert.FromBase64String(fixture.Pixels);

        foreach (var decoder in ImageDecoder.All)
        {
            var equal = Enumerable.Range(0, 200).AsParallel().Select(_ => decoder.Decode(file, "a.jpg").Pixels.SequenceEqual(expected));

            Assert.IsTrue(equal.All(same => same), decoder.Name);
        }
    }

    [TestMethod]
    public void Load_LibraryThatDoesNotExist_SaysWhatToInstall()
    {
        var error = Assert.ThrowsException<DllNotFoundException>(
            () => { SystemLibrary.Load("The JPEG decoder", "Install libexample.", "liblampq-does-not-exist.so.0"); });

        StringAssert.Contains(error.Message, "The JPEG decoder was not found (tried liblampq-does-not-exist.so.0). Install libexample.");
    }

    static void AssertRefused(byte[] file, string name, string expected)
    {
        foreach (var decoder in ImageDecoder.All)
            AssertRefused(decoder, file, name, expected);
    }

    static void AssertRefused(ImageDecoder decoder, byte[] file, string name, string expected)
    {
        var error = Assert.ThrowsException<InvalidDataException>(() => { decoder.Decode(file, name); }, decoder.Name);
        StringAssert.Contains(error.Message, $"'{name}'");
        StringAssert.Contains(error.Message, expected);
    }

    internal static int LargestDifference(byte[] expected, byte[] actual)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        return expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
    }
}
