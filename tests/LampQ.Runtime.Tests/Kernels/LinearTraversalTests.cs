using System.Runtime.InteropServices;
using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class LinearTraversalTests
{
    [TestMethod]
    [DataRow(1, 1, 1), DataRow(1, 64, 64), DataRow(5, 3, 15), DataRow(6, 4, 16), DataRow(7, 33, 17)]
    [DataRow(12, 31, 65), DataRow(13, 32, 130), DataRow(197, 50, 48), DataRow(1300, 9, 70)]
    public void Run_AnyShape_ReturnsTheProductOfPlainLoops(int m, int k, int n)
    {
        for (int bits = 2; bits <= 8; bits++)
            foreach (int workers in new[] { 1, 2, 3 })
                AssertProduct(m, k, n, bits, padding: 0, zeroPoints: bits % 2 == 0, new ShuffledWorkers(workers));
    }

    [TestMethod]
    public void Run_RowsFartherApartThanTheirLength_ReturnsTheProductOfPlainLoops() =>
        AssertProduct(20, 30, 40, bits: 4, padding: 13, zeroPoints: true, Workers.Serial);

    [TestMethod]
    public void Run_NoRows_CallsNobody() => AssertProduct(0, 8, 8, bits: 8, padding: 0, zeroPoints: true, Workers.Serial);

    [TestMethod]
    public void Runs_FewPanelsAndTwoWorkers_LeavesNoWorkerIdleForLong()
    {
        // 3 panels of DeiT-Tiny on 2 workers would take 2 rounds of 33 tiles; 2 runs of rows take 3 rounds of 17.
        Assert.AreEqual(1, LinearTraversal.Runs(panels: 3, tiles: 33, workers: 1));
        Assert.AreEqual(2, LinearTraversal.Runs(panels: 3, tiles: 33, workers: 2));
        Assert.AreEqual(1, LinearTraversal.Runs(panels: 6, tiles: 33, workers: 2));
        Assert.AreEqual(3, LinearTraversal.Runs(panels: 6, tiles: 263, workers: 1));
        Assert.AreEqual(1, LinearTraversal.Runs(panels: 1, tiles: 1, workers: 8));
    }

    static void AssertProduct(int m, int k, int n, int bits, int padding, bool zeroPoints, Workers workers)
    {
        var random = new Random(HashCode.Combine(m, k, n, bits));
        int stride = k + padding, half = 1 << (bits - 1);
        var codes = new sbyte[n * k];
        for (int i = 0; i < codes.Length; i++)
            codes[i] = (sbyte)random.Next(-half, half);
        byte[] packed = PackedWeights.Pack(codes, n, k, bits);
        // The last row ends where the memory does, also where rows are padded.
        using GuardedMemory x = new(Math.Max(0, (long)m * stride - padding)), weights = new(packed.Length);
        using GuardedMemory init = new(n * 4), zw = new(n * 4), y = new((long)m * n * 4);
        random.NextBytes(new Span<byte>(x.Pointer, Math.Max(0, m * stride - padding)));
        packed.CopyTo(new Span<byte>(weights.Pointer, packed.Length));
        for (int i = 0; i < n; i++)
            (((int*)init.Pointer)[i], ((int*)zw.Pointer)[i]) = (random.Next(-999, 999), random.Next(-half, half));
        var product = new LinearProduct
        {
            X = x.Pointer, StrideX = stride, M = m, N = n, K = k, Weights = weights.Pointer, Bits = bits, LargestX = 255,
            Init = (int*)init.Pointer, WeightZeroPoints = zeroPoints ? (int*)zw.Pointer : null,
        };

        LinearTraversal.Run(DotKernel.For(bits), product, workers, new StoreSums { Y = (int*)y.Pointer, StrideY = n });

        for (int row = 0; row < m; row++)
            for (int channel = 0; channel < n; channel++)
            {
                int sum = ((int*)init.Pointer)[channel];
                for (int i = 0; i < k; i++)
                    sum += x.Pointer[row * stride + i] * (codes[channel * k + i] - (zeroPoints ? ((int*)zw.Pointer)[channel] : 0));
                if (((int*)y.Pointer)[row * n + channel] != sum)
                    Assert.Fail($"[{m}, {k}] x [{n}, {k}], {bits} bits, {workers.Count} workers: y[{row}, {channel}] is {((int*)y.Pointer)[row * n + channel]}, expected {sum}.");
            }
    }

    /// <summary>Runs tasks in another order than they come, as threads may.</summary>
    sealed class ShuffledWorkers(int count) : Workers
    {
        public override int Count => count;

        protected override void ForCore(int tasks, delegate*<void*, int, void> body, void* state)
        {
            int[] order = [.. Enumerable.Range(0, tasks)];
            new Random(tasks).Shuffle(order);
            foreach (int task in order)
                body(state, task);
        }
    }
}
