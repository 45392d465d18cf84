using static LampQ.Runtime.Tests.FusedCases;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class PatchesOperationTests
{
    [TestMethod]
    [DataRow(1, 1, 1, 1, 1, 1), DataRow(2, 3, 32, 48, 16, 16), DataRow(1, 3, 28, 14, 14, 14), DataRow(3, 1, 8, 12, 4, 2), DataRow(1, 2, 3, 85, 3, 17), DataRow(2, 3, 47, 63, 16, 16), DataRow(1, 2, 17, 31, 4, 5), DataRow(0, 3, 16, 16, 16, 16)]
    public void Run_AnyImageAndVectors_ReturnsTheCodesOfTheDefinition(int batch, int channels, int height, int width, int ph, int pw)
    {
        var values = Floats(new Random(height), batch * channels * height * width, 3);
        if (values.Length > 2)
            (values[0], values[^1], values[1]) = (float.NaN, 1e30f, -1e30f);
        using var x = Guarded<float>(values);
        var shape = new ImageShape(batch, channels, height, width);
        foreach (var range in new[] { new CodeRange(114), new CodeRange(7, 1, 14) })
        {
            var description = new PatchesDescription { PatchHeight = ph, PatchWidth = pw, Scale = 0.0187f, Codes = range };
            byte[] Run(FloatKernels kernels, Workers workers) =>
                Codes(batch * channels * (height / ph * ph) * (width / pw * pw), y => new PatchesOperation(description, kernels).Run((float*)x.Pointer, shape, (byte*)y, workers));

            var expected = Run(FloatKernels.Definition, Workers.Serial);
            foreach (var kernels in Kernels)
                foreach (var workers in WorkerCounts)
                    AssertSame(expected, Run(kernels, workers), $"{kernels}, {shape}, {ph} x {pw}");
        }
    }

    [TestMethod]
    public void Run_TwoPatches_OrdersChannelRowColumn()
    {
        // Channel 0 is 0 to 7 and channel 1 is 8 to 15, in two rows of four; patches are 2 x 2.
        float[] x = [.. Enumerable.Range(0, 16).Select(i => (float)i)];
        var y = new byte[16];
        fixed (float* source = x)
        fixed (byte* target = y)
            new PatchesOperation(new() { PatchHeight = 2, PatchWidth = 2, Scale = 1 }).Run(source, new(1, 2, 2, 4), target, Workers.Serial);
        CollectionAssert.AreEqual(new byte[] { 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15 }, y);
    }

    [TestMethod]
    public void Run_ImageThatIsNotWholePatches_LeavesTheLastRowsAndColumnsOut()
    {
        float[] x = [.. Enumerable.Range(0, 15).Select(i => (float)i)];
        var y = new byte[8];
        fixed (float* source = x)
        fixed (byte* target = y)
            new PatchesOperation(new() { PatchHeight = 2, PatchWidth = 2, Scale = 1 }).Run(source, new(1, 1, 3, 5), target, Workers.Serial);
        CollectionAssert.AreEqual(new byte[] { 0, 1, 5, 6, 2, 3, 7, 8 }, y);
    }

    [TestMethod]
    public void Run_ImageSmallerThanAPatch_ThrowsNamingBoth()
    {
        var operation = new PatchesOperation(new() { PatchHeight = 16, PatchWidth = 16, Scale = 1 });
        var error = Assert.ThrowsExactly<ArgumentException>(() => operation.Run(null, new(1, 3, 32, 15), null, Workers.Serial));
        StringAssert.Contains(error.Message, "[1, 3, 32, 15] is smaller than a patch of 16 x 16");
        Assert.ThrowsExactly<ArgumentException>(() => operation.Run(null, new(1, 0, 32, 32), null, Workers.Serial));
    }

    [TestMethod]
    public void Constructor_ValuesThatCannotBe_ThrowsWithTheReason()
    {
        var good = new PatchesDescription { PatchHeight = 16, PatchWidth = 16, Scale = 1 };
        Refused(good with { PatchHeight = 0 }, "patch_height is 0");
        Refused(good with { PatchWidth = -1 }, "patch_width is -1");
        Refused(good with { Scale = float.PositiveInfinity }, "scale is ");
        Refused(good with { Scale = 1e-45f }, "scale is 1E-45, whose reciprocal");
    }

    static void Refused(PatchesDescription description, string reason) =>
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new PatchesOperation(description)).Message, reason);
}
