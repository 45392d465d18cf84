using System.Diagnostics;
using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>Memory of packed files.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PackedMemoryTests
{
    const int Layers = 24, Features = 2048, Bits = 4, Attempts = 5;

    [TestMethod]
    public void Load_PackedFile_HoldsItsWeightsOnce()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Resident memory is read as Linux counts it.");
        string path = Path.GetTempFileName();
        try
        {
            Chain(path, 1);
            using (var warm = LampQSession.Load(path))
                Run(warm);
            Chain(path, Layers);
            long weights = Layers * (long)Features * Features * Bits / 8;
            long growth = 0;
            // Growth of less than the weights says that other memory was given back meanwhile, and nothing about them: measured again.
            for (int attempt = 0; attempt < Attempts && growth < .5 * weights; attempt++)
            {
                GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                NativeHeap.Trim();
                long before = Resident();
                using var session = LampQSession.Load(path);
                Run(session);
                growth = Resident() - before;
                Assert.IsTrue(growth < 1.5 * weights, $"{growth} bytes for {weights} of weights");
            }
            Assert.IsTrue(growth > .5 * weights, $"{growth} bytes for {weights} of weights, {Attempts} times");
        }
        finally
        {
            File.Delete(path);
        }
    }

    static void Run(ModelSession session) => session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.OfBytes(ElementType.UInt8, new byte[Features], 1, Features) });

    static void Chain(string path, int layers)
    {
        var model = Model.Create(17);
        model.Opsets[LampQDomain.Name] = LampQDomain.Version;
        var graph = model.Graph;
        var x = graph.AddInput("x", ElementType.UInt8, 1, Features);
        var random = new Random(3);
        for (int layer = 0; layer < layers; layer++)
        {
            byte[] weights = new byte[PackedWeights.SizeInBytes(Features, Features, Bits)];
            random.NextBytes(weights);
            var ones = graph.AddInitializer($"{layer}.multiplier", Tensor.Of(Enumerable.Repeat(1e-3f, Features).ToArray()));
            x = graph.AddNode("LinearQuantize",
                [x, graph.AddInitializer($"{layer}.weight", Tensor.OfBytes(ElementType.UInt8, weights, weights.Length)), ones, null, null, ones, graph.AddInitializer($"{layer}.zero_point", Tensor.Of(new byte[Features]))],
                [$"{layer}.y"], LampQDomain.Name, $"{layer}", ("bits", (long)Bits), ("in_features", (long)Features), ("out_features", (long)Features), ("x_zero_point", 0L)).Output;
            (x.Type, x.Shape) = (ElementType.UInt8, [1, Features]);
        }
        graph.AddOutput(x);
        model.Write(path);
    }

    static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
