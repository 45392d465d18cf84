using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Onnx.Tests;

/// <summary>The test model itself: every spelling must compute the same, else tests that compare spellings say nothing.</summary>
[TestClass]
public class TinyVitTests
{
    /// <summary>Every spelling of the exact function, each with what it changes.</summary>
    public static IEnumerable<object[]> Spellings => TinyVitSpellings.All.Select(s => new object[] { s });

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Build_AnySpelling_GivesTheSameLogitsInOnnxRuntime(TinyVit spelling)
    {
        var reference = Logits(new TinyVit(), 1);

        var actual = Logits(spelling, 1);

        // Logits are about 1; orders of summation over at most 48 terms in 2 blocks differ by some 1e-6.
        AssertClose(reference, actual, 2e-5f);
    }

    [TestMethod]
    public void Build_DynamicBatch_ComputesEveryImageAlone()
    {
        var model = new TinyVit { DynamicBatch = true };
        var both = Logits(model, 2);
        var first = Logits(new TinyVit(), 1);

        AssertClose(first, both.AsSpan(0, model.Classes), 2e-5f);
        Assert.AreEqual(2 * model.Classes, both.Length);
    }

    [TestMethod]
    [DataRow(GeluForm.Tanh, 17)]
    [DataRow(GeluForm.OpTanh, 20)]
    public void Build_GeluByTanh_IsTheApproximation(GeluForm gelu, int opset)
    {
        var exact = Logits(new TinyVit(), 1);
        var approximate = Logits(new TinyVit { Gelu = gelu, Opset = opset }, 1);

        AssertClose(exact, approximate, 2e-2f);
        Assert.IsTrue(exact.Zip(approximate).Any(p => Math.Abs(p.First - p.Second) > 2e-5f), "the approximation is another function");
    }

    [TestMethod]
    [DataRow(PoolForm.Mean, false, true)]
    [DataRow(PoolForm.ClassTokenGather, true, true)]
    [DataRow(PoolForm.ClassTokenGather, false, false)]
    public void Build_OtherFunction_RunsAndDiffers(PoolForm pool, bool distilled, bool qkvBias)
    {
        var exact = Logits(new TinyVit(), 1);
        var other = Logits(new TinyVit { Pool = pool, Distilled = distilled, QkvBias = qkvBias, DynamicBatch = true }, 1);

        Assert.AreEqual(exact.Length, other.Length);
        Assert.IsTrue(exact.Zip(other).Any(p => Math.Abs(p.First - p.Second) > 1e-3f));
    }

    static float[] Logits(TinyVit options, int batch)
    {
        using var session = new OnnxSession(options.Build(), new OnnxSessionOptions { Threads = 1, Optimize = false });
        return session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = options.Images(batch) })[0].ToFloats();
    }

    static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], tolerance, $"logit {i}");
    }
}
