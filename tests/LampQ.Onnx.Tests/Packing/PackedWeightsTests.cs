namespace LampQ.Onnx.Tests;

[TestClass]
public sealed class PackedWeightsTests
{
    [TestMethod]
    public void UnpackPanel_OfWhatPackWrote_ReturnsTheCodesAndZerosAroundThem()
    {
        var random = new Random(3);
        for (int bits = 2; bits <= 8; bits++)
            foreach (var (rows, columns) in new[] { (1, 1), (16, 32), (17, 33), (64, 4), (65, 70), (200, 31) })
            {
                sbyte[] codes = Codes(random, rows * columns, bits);
                byte[] packed = PackedWeights.Pack(codes, rows, columns, bits);
                Assert.AreEqual(PackedWeights.SizeInBytes(rows, columns, bits), packed.Length);
                int groups = PackedWeights.Groups(columns, bits);
                for (int panel = 0; panel < PackedWeights.Panels(rows); panel++)
                {
                    int channels = PackedWeights.ChannelsOf(panel, rows);
                    var unpacked = new sbyte[channels * groups * 4];
                    PackedWeights.UnpackPanel(packed.AsSpan((int)PackedWeights.PanelOffset(panel, columns, bits)), channels, groups, bits, unpacked);
                    for (int channel = 0; channel < channels; channel++)
                        for (int k = 0; k < groups * 4; k++)
                        {
                            int n = panel * 64 + channel;
                            int expected = n < rows && k < columns ? codes[n * columns + k] : 0;
                            Assert.AreEqual(expected, unpacked[k / 4 * channels * 4 + channel * 4 + k % 4], $"{bits} bits, [{rows}, {columns}], n {n}, k {k}");
                        }
                }
            }
    }

    // Bytes written out by hand from docs/formats.md, so that the layout cannot change unseen.
    [TestMethod]
    public void Pack_OneWeightOfEachField_LiesWhereTheFormatSays()
    {
        // 16 channels, 32 columns: one unit. Channel 2, k = 13 is group 3, byte 2·4 + 1 = 9 of its 64.
        var codes = new sbyte[16 * 32];
        codes[2 * 32 + 13] = 0b010_1101 - 64;
        byte[] seven = PackedWeights.Pack(codes, 16, 32, 7), zero = PackedWeights.Pack(new sbyte[16 * 32], 16, 32, 7);
        var changed = Enumerable.Range(0, seven.Length).Where(i => seven[i] != zero[i]).ToArray();
        // 4-bit fields: block 1 holds group 3 in its high nibble. 2-bit fields follow 4 blocks: block 0 holds group 3 in bits 6 and 7. The 1-bit block follows 6.
        CollectionAssert.AreEqual(new[] { 1 * 64 + 9, 4 * 64 + 9, 6 * 64 + 9 }, changed);
        Assert.AreEqual(0b1101_0000, seven[1 * 64 + 9]);
        Assert.AreEqual(0b10_000000, seven[4 * 64 + 9]);
        Assert.AreEqual(0b1111_0111, seven[6 * 64 + 9], "a weight of 0 is 64, whose top bit is 1; ours has 0 there");
    }

    [TestMethod]
    public void SizeInBytes_WholeUnits_IsTheBitsOfTheWeights()
    {
        for (int bits = 2; bits <= 8; bits++)
            Assert.AreEqual(384L * 1536 * bits / 8, PackedWeights.SizeInBytes(1536, 384, bits));
    }

    [TestMethod]
    public void Pack_CodeOutsideItsBits_ThrowsNamingCodeAndPlace()
    {
        var error = Assert.ThrowsException<ArgumentException>(() => PackedWeights.Pack([0, 0, 0, 4], 2, 2, 3));
        StringAssert.Contains(error.Message, "Code 4 at [1, 1] does not fit 3 bits (-4 to 3).");
    }

    [TestMethod]
    public void Pack_WrongNumberOfCodes_ThrowsNamingBoth()
    {
        var error = Assert.ThrowsException<ArgumentException>(() => PackedWeights.Pack(new sbyte[5], 2, 3, 4));
        StringAssert.Contains(error.Message, "5 codes do not fill a matrix of 2 x 3.");
    }

    [TestMethod]
    [DataRow(0, 4, 4), DataRow(4, 0, 4), DataRow(4, 4, 1), DataRow(4, 4, 9)]
    public void SizeInBytes_ImpossibleShapeOrWidth_IsRefused(int rows, int columns, int bits) =>
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => PackedWeights.SizeInBytes(rows, columns, bits));

    static sbyte[] Codes(Random random, int count, int bits) =>
        [.. Enumerable.Range(0, count).Select(_ => (sbyte)random.Next(-(1 << (bits - 1)), 1 << (bits - 1)))];
}
