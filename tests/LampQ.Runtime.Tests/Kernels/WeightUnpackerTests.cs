using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class WeightUnpackerTests
{
    [TestMethod]
    public void Unpack_EveryWidthAndPanel_ReturnsTheCodesOfTheDefinition()
    {
        var random = new Random(7);
        for (int bits = 2; bits <= 7; bits++)
            foreach (int channels in new[] { 16, 32, 48, 64 })
                foreach (int groups in new[] { 8, 16, 40 })
                {
                    int codes = channels * groups * 4, bytes = codes / 8 * bits;
                    using GuardedMemory panel = new(bytes), unpacked = new(codes);
                    random.NextBytes(new Span<byte>(panel.Pointer, bytes));
                    var expected = new sbyte[codes];
                    PackedWeights.UnpackPanel(new(panel.Pointer, bytes), channels, groups, bits, expected);
                    WeightUnpacker.Unpack(panel.Pointer, channels, groups, bits, (sbyte*)unpacked.Pointer);
                    CollectionAssert.AreEqual(expected, new Span<sbyte>(unpacked.Pointer, codes).ToArray(), $"{bits} bits, {channels} channels, {groups} groups");
                }
    }

    [TestMethod]
    public void ChannelSums_OfAPackedMatrix_AreTheSumsOfItsRows()
    {
        const int Rows = 83, Columns = 37;
        var random = new Random(8);
        for (int bits = 2; bits <= 8; bits++)
        {
            var codes = new sbyte[Rows * Columns];
            for (int i = 0; i < codes.Length; i++)
                codes[i] = (sbyte)random.Next(-(1 << (bits - 1)), 1 << (bits - 1));
            fixed (byte* packed = PackedWeights.Pack(codes, Rows, Columns, bits))
            {
                int[] expected = [.. codes.Chunk(Columns).Select(row => row.Sum(w => w))];
                CollectionAssert.AreEqual(expected, WeightUnpacker.ChannelSums(packed, Rows, Columns, bits), $"{bits} bits");
            }
        }
    }
}
