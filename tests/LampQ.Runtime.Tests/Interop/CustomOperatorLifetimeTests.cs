using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>Many sessions, many callers, and the garbage collector in between.</summary>
[TestClass]
public sealed class CustomOperatorLifetimeTests
{
    static readonly (string, object)[] plain = [("factors", new float[] { 1 }), ("shift", 0), ("order", new[] { 0, 1, 2 })];

    [TestMethod]
    public void Sessions_CreatedAndDisposedAThousandTimes_LeaveNothingBehind()
    {
        byte[] affine = ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain).ToBytes();
        byte[] counted = ToyOperators.Of("ToyFailure", [], ("where", "never")).ToBytes();
        byte[] packed = PackedBlock.Build().ToBytes();
        int alive = ToyFailure.Alive;

        // What is kept grows in every window. What is made once (compiled code, the allocator's pools, the test host's own work) grows in some;
        // plain ONNX Runtime needs 4,000 sessions until its pools stop growing.
        const int Windows = 5, Sessions = 600;
        long bytes = long.MaxValue, managedBytes = long.MaxValue, files = long.MaxValue, threads = long.MaxValue;
        var before = Footprint.Now();
        for (int window = 0; window < Windows; window++)
        {
            CreateAndDispose(affine, counted, packed, Sessions / 3);
            var after = Footprint.Now();
            bytes = Math.Min(bytes, after.Bytes - before.Bytes);
            managedBytes = Math.Min(managedBytes, after.ManagedBytes - before.ManagedBytes);
            files = Math.Min(files, after.Files - before.Files);
            threads = Math.Min(threads, after.Threads - before.Threads);
            before = after;
        }

        Assert.AreEqual(alive, ToyFailure.Alive, "kernels");
        Assert.IsTrue(files < Sessions / 10 && threads < Sessions / 10, $"{Sessions} sessions left {files} open files and {threads} threads");
        // A kernel and its handle are over 200 bytes, a session over 100 KB.
        Assert.IsTrue(managedBytes < 100 * Sessions, $"{Sessions} sessions left {managedBytes} managed bytes");
        Assert.IsTrue(bytes < 5000 * Sessions, $"{Sessions} sessions left {bytes} bytes resident");
    }

    [TestMethod]
    public void Run_OneSessionFromEightThreadsWithForcedCollections_ReturnsTheSameBitsToEveryCaller()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1.5f, 2.5f, 3.5f })], plain), 2);
        int wrong = 0;
        using var stop = new CancellationTokenSource();
        var collector = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        });
        var callers = Enumerable.Range(0, 8).Select(caller => new Thread(() =>
        {
            var x = Enumerable.Range(0, 300).Select(i => (float)(i * caller)).ToArray();
            var expected = x.Select((v, i) => v * (1.5f + i % 3)).ToArray();
            for (int i = 0; i < 100; i++)
                if (!ToyOperators.Run(session, x).AsSpan().SequenceEqual(expected))
                    Interlocked.Increment(ref wrong);
        })).ToArray();
        foreach (var caller in callers)
            caller.Start();
        foreach (var caller in callers)
            caller.Join();
        stop.Cancel();
        collector.Wait();
        Assert.AreEqual(0, wrong);
    }

    static void CreateAndDispose(byte[] affine, byte[] counted, byte[] packed, int times)
    {
        for (int i = 0; i < times; i++)
        {
            using var options = ToyOperators.Options(2).RegisterLampQ();
            using var first = new InferenceSession(affine, options);
            using var second = new InferenceSession(counted, options);
            ToyOperators.Run(first, 1, 2, 3);
            ToyOperators.Run(second, 1, 2, 3);
            using var third = new InferenceSession(packed, options);
            PackedSoak.Run(third, new float[192]);
        }
    }

    /// <summary>What the process holds on to.</summary>
    readonly record struct Footprint(long Bytes, long ManagedBytes, int Files, int Threads)
    {
        public static Footprint Now()
        {
            for (int i = 0; i < 3; i++)
            {
                GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                GC.WaitForPendingFinalizers();
            }
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            int files = OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : process.HandleCount;
            return new Footprint(process.WorkingSet64, GC.GetTotalMemory(forceFullCollection: true), files, process.Threads.Count);
        }
    }
}
