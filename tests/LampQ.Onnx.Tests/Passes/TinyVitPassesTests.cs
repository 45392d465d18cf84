using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Onnx.Tests;

/// <summary>Checker, folding and upgrade over every spelling of the tiny transformer.</summary>
[TestClass]
public class TinyVitPassesTests
{
    public static IEnumerable<object[]> Spellings => Enumerable.Range(0, TinyVitSpellings.All.Count).Select(i => new object[] { i });

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Check_AsBuiltFoldedAndUpgraded_FindsNothing(int spelling)
    {
        var model = TinyVitSpellings.All[spelling].Build();

        Assert.AreEqual("", string.Join("\n", ModelChecker.Check(model)));
        Assert.AreEqual("", string.Join("\n", ModelChecker.Check(new ConstantFolding().Apply(model))));
        if (model.Opset < 21)
            Assert.AreEqual("", string.Join("\n", ModelChecker.Check(new OpsetUpgrade(21).Apply(model))));
    }

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Apply_FoldingAndUpgrade_KeepTheLogits(int spelling)
    {
        var model = TinyVitSpellings.All[spelling].Build();
        var input = model.Graph.Inputs.Single();
        var x = new Dictionary<string, Tensor> { [input.Name] = RandomTensors.Floats(1, [.. input.Shape!.Select(d => d.Size ?? 2)]) };
        float[] expected = Run(model);

        Same(Run(new ConstantFolding().Apply(model)));
        if (model.Opset < 21)
            Same(Run(new OpsetUpgrade(21).Apply(model)));

        float[] Run(Model m)
        {
            using var session = new OnnxSession(m, new OnnxSessionOptions { Optimize = false, Threads = 1 });
            return session.Run(x)[0].ToFloats();
        }

        void Same(float[] actual)
        {
            // Another kernel for the same sum (a stored instead of a computed transpose) may round differently: 1e-6 relative to the largest logit.
            float largest = expected.Max(Math.Abs);
            for (int i = 0; i < expected.Length; i++)
                Assert.AreEqual(expected[i], actual[i], 1e-6f * Math.Max(largest, 1));
        }
    }
}
