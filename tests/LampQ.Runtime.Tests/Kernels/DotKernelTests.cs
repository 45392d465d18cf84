using System.Runtime.Intrinsics;

namespace LampQ.Runtime.Tests;

/// <summary>Every kernel this process can run, against the plain loops. Operands end at pages that must not be read.</summary>
[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class DotKernelTests
{
    const int Seed = 20260301;

    static IEnumerable<object[]> Kernels =>
        DotKernel.All.Where(kernel => kernel.IsSupported && kernel != DotKernel.Definition).Select(kernel => new object[] { kernel.Name });

    [TestMethod]
    [DynamicData(nameof(Kernels))]
    public void Run_EveryTileShape_ReturnsTheIntegersOfTheDefinition(string name)
    {
        var random = new Random(Seed);
        foreach (int channels in new[] { 16, 32, 48, 64 })
            for (int rows = 1; rows <= DotKernel.TileRows; rows++)
                foreach (int groups in new[] { 1, 2, 3, 4, 5, 7, 8, 9, 33 })
                    foreach (int bits in new[] { 2, 4, 8 })
                        AssertAsDefined(DotKernel.Named(name), new(rows, channels, groups, bits, LargestX: 255), random, Values.Random);
    }

    [TestMethod]
    [DynamicData(nameof(Kernels))]
    public void Run_EveryWidthOfWeightsAndCodes_ReturnsTheIntegersOfTheDefinition(string name)
    {
        var random = new Random(Seed);
        for (int bits = 1; bits <= 8; bits++)
            for (int codeBits = 1; codeBits <= 8; codeBits++)
                AssertAsDefined(DotKernel.Named(name), new(6, 64, 67, bits, (1 << codeBits) - 1), random, Values.Random);
    }

    [TestMethod]
    [DynamicData(nameof(Kernels))]
    public void Run_LargestOperandsOver8192Columns_DoesNotSaturate(string name)
    {
        foreach (var values in new[] { Values.Highest, Values.Lowest, Values.Alternating })
            foreach (int bits in new[] { 2, 4, 5, 6, 7, 8 })
                foreach (int largestX in new[] { 15, 128, 255 })
                    AssertAsDefined(DotKernel.Named(name), new(6, 48, 2048, bits, largestX), new Random(Seed), values);
    }

    [TestMethod]
    [DynamicData(nameof(Kernels))]
    public void Run_RowsFartherApartThanTheirLength_LeavesWhatLiesBetweenAlone(string name)
    {
        const int Rows = 6, Channels = 32, Groups = 5, StrideX = 37, Gap = 3;
        var random = new Random(Seed);
        var kernel = DotKernel.Named(name);
        using GuardedMemory x = new(Rows * StrideX), w = new(Channels * Groups * 4), init = new(Channels * 4);
        using GuardedMemory acc = new(Rows * (Channels + Gap) * 4), expected = new(Rows * (Channels + Gap) * 4);
        random.NextBytes(new Span<byte>(x.Pointer, Rows * StrideX));
        random.NextBytes(new Span<byte>(w.Pointer, Channels * Groups * 4));
        new Span<int>(acc.Pointer, Rows * (Channels + Gap)).Fill(-7);
        new Span<int>(expected.Pointer, Rows * (Channels + Gap)).Fill(-7);
        var tile = new DotTile
        {
            X = x.Pointer, StrideX = StrideX, W = (sbyte*)w.Pointer, Groups = Groups, Acc = (int*)expected.Pointer, StrideAcc = (Channels + Gap) * 4,
            Init = (int*)init.Pointer, Rows = Rows, Channels = Channels, LargestX = 255, LargestW = 128,
        };
        DotKernel.Definition.Run(&tile);
        tile.Acc = (int*)acc.Pointer;
        kernel.Run(&tile);
        CollectionAssert.AreEqual(new Span<int>(expected.Pointer, Rows * (Channels + Gap)).ToArray(), new Span<int>(acc.Pointer, Rows * (Channels + Gap)).ToArray());
    }

    [TestMethod]
    public void SignedDot_WithSdotInPlainLoops_ReturnsTheIntegersOfTheDefinition()
    {
        var random = new Random(Seed);
        foreach (int channels in new[] { 16, 48, 64 })
            for (int rows = 1; rows <= DotKernel.TileRows; rows++)
                foreach (var values in Enum.GetValues<Values>())
                {
                    var shape = new Shape(rows, channels, Groups: 9, Bits: 8, LargestX: 255);
                    AssertAsDefined(tile => DotKernel.SignedDot<PlainSdot>.Run((DotTile*)tile), "SDOT in plain loops", shape, random, values);
                }
    }

    static void AssertAsDefined(DotKernel kernel, Shape shape, Random random, Values values) =>
        AssertAsDefined(tile => kernel.Run((DotTile*)tile), kernel.Name, shape, random, values);

    static void AssertAsDefined(Action<nint> run, string name, Shape shape, Random random, Values values)
    {
        int columns = shape.Groups * 4, half = 1 << (shape.Bits - 1);
        using GuardedMemory x = new(shape.Rows * columns), w = new(shape.Channels * columns), init = new(shape.Channels * 4);
        using GuardedMemory acc = new(shape.Rows * shape.Channels * 4), expected = new(shape.Rows * shape.Channels * 4);
        for (int i = 0; i < shape.Rows * columns; i++)
            x.Pointer[i] = (byte)(values == Values.Random ? random.Next(shape.LargestX + 1) : shape.LargestX);
        for (int i = 0; i < shape.Channels * columns; i++)
            ((sbyte*)w.Pointer)[i] = (sbyte)(values switch
            {
                Values.Random => random.Next(-half, half),
                Values.Highest => half - 1,
                Values.Lowest => -half,
                _ => i / 2 % 2 == 0 ? -half : half - 1,
            });
        for (int i = 0; i < shape.Channels; i++)
            ((int*)init.Pointer)[i] = random.Next(-1000, 1000);
        var tile = new DotTile
        {
            X = x.Pointer, StrideX = columns, W = (sbyte*)w.Pointer, Groups = shape.Groups, Acc = (int*)expected.Pointer, StrideAcc = shape.Channels * 4,
            Init = (int*)init.Pointer, Rows = shape.Rows, Channels = shape.Channels, LargestX = shape.LargestX, LargestW = half,
        };
        DotKernel.Definition.Run(&tile);
        tile.Acc = (int*)acc.Pointer;
        run((nint)(&tile));
        int sums = shape.Rows * shape.Channels;
        CollectionAssert.AreEqual(new Span<int>(expected.Pointer, sums).ToArray(), new Span<int>(acc.Pointer, sums).ToArray(), $"{name}, {shape}, {values}, seed {Seed}");
    }

    readonly record struct Shape(int Rows, int Channels, int Groups, int Bits, int LargestX);

    enum Values { Random, Highest, Lowest, Alternating }

    struct PlainSdot : DotKernel.ISignedProducts
    {
        public static Vector128<int> Add(Vector128<int> sums, Vector128<sbyte> x, Vector128<sbyte> w)
        {
            for (int i = 0; i < 16; i++)
                sums = sums.WithElement(i / 4, sums[i / 4] + x[i] * w[i]);
            return sums;
        }
    }
}
