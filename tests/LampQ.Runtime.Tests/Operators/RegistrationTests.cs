using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>options.RegisterLampQ() and whole packed models.</summary>
[TestClass]
public sealed class RegistrationTests
{
    [TestMethod]
    public void RegisterLampQ_Again_DoesNothing()
    {
        using var options = new SessionOptions();
        Assert.AreSame(options, options.RegisterLampQ().RegisterLampQ());
        using var session = new InferenceSession(PackedBlock.Build().ToBytes(), options);
        Assert.AreEqual(1, session.OutputNames.Count);
    }

    [TestMethod]
    public void RegisterLampQ_FromManyThreadsAtOnce_RegistersOnce()
    {
        using var options = new SessionOptions();
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ => options.RegisterLampQ());
        using var session = new InferenceSession(PackedBlock.Build().ToBytes(), options);
        Assert.AreEqual(1, session.OutputNames.Count);
    }

    [TestMethod]
    public void RegisterLampQ_DisposedOrNoOptions_Throws()
    {
        var options = new SessionOptions();
        options.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => options.RegisterLampQ());
        Assert.ThrowsExactly<ArgumentNullException>(() => ((SessionOptions)null!).RegisterLampQ());
    }

    [TestMethod]
    public void PackedModel_AnyBatchThreadsAndOptimizationLevel_GivesTheSameBits()
    {
        byte[] model = PackedBlock.Build().ToBytes();
        float[] images = PackedBlock.Images(3, seed: 4);
        float[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3 })
            foreach (var level in new[] { GraphOptimizationLevel.ORT_DISABLE_ALL, GraphOptimizationLevel.ORT_ENABLE_ALL })
            {
                using var options = OneNode.Options(threads);
                options.GraphOptimizationLevel = level;
                using var session = new InferenceSession(model, options);
                float[] all = PackedSoak.Run(session, images), one = [.. Enumerable.Range(0, 3).SelectMany(i => PackedSoak.Run(session, images[(i * 192)..((i + 1) * 192)]))];
                expected ??= all;
                Assert.IsTrue(expected.All(float.IsFinite));
                CollectionAssert.AreEqual(expected, all, $"{threads} threads, {level}");
                CollectionAssert.AreEqual(expected, one, $"{threads} threads, {level}, one by one");
            }
    }

    [TestMethod]
    public void PackedModel_OutputShape_IsKnownBeforeARun()
    {
        using var options = OneNode.Options();
        using var session = new InferenceSession(PackedBlock.Build().ToBytes(), options);
        CollectionAssert.AreEqual(new[] { -1, 4, 32 }, session.OutputMetadata["y"].Dimensions);
        Assert.AreEqual("b", session.OutputMetadata["y"].SymbolicDimensions[0]);
    }

    [TestMethod]
    public void PackedModel_EmptyBatch_ReturnsAnEmptyOutput()
    {
        using var options = OneNode.Options();
        using var session = new InferenceSession(PackedBlock.Build().ToBytes(), options);
        Assert.AreEqual(0, PackedSoak.Run(session, []).Length);
    }

    [TestMethod]
    public void PackedModel_EightCallersAndForcedCollections_IsBitStable()
    {
        // eng/soak.sh runs it for longer.
        int seconds = int.TryParse(Environment.GetEnvironmentVariable("LAMPQ_SOAK_SECONDS"), out int wanted) ? wanted : 3;
        var (runs, wrong) = PackedSoak.For(TimeSpan.FromSeconds(seconds));
        Console.WriteLine($"{runs} runs in {seconds} s, {wrong} with other bits");
        Assert.IsTrue(runs > 0);
        Assert.AreEqual(0, wrong);
    }
}
