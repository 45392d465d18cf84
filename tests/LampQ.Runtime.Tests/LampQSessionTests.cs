using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

[TestClass]
public sealed class LampQSessionTests
{
    [TestMethod]
    public void Load_QuantizedModel_ReportsEveryOperation()
    {
        using var session = LampQSession.Load(Quantized());
        Assert.AreEqual(0, session.Report.Left.Count(), session.Report.ToString());
        Assert.IsTrue(session.Report.Operations.Any(o => o is { Operation: "attention", LoweredTo: "AttentionQuantize" }));
    }

    [TestMethod]
    public void Load_PackedModelByPathOrBytes_ReturnsWhatLoweringAtLoadReturns()
    {
        var model = Quantized();
        var packed = new Lowering().Apply(model);
        string path = Path.GetTempFileName();
        try
        {
            packed.Write(path);
            using var lowered = LampQSession.Load(model);
            using var byPath = LampQSession.Load(path);
            using var byBytes = LampQSession.Load(File.ReadAllBytes(path));
            float[] expected = Run(lowered);
            CollectionAssert.AreEqual(expected, Run(byPath));
            CollectionAssert.AreEqual(expected, Run(byBytes));
            Assert.AreEqual(0, byPath.Report.Operations.Count);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Load_FloatModel_RunsAsInOnnxRuntime()
    {
        var model = new TinyVit().Build();
        using var session = LampQSession.Load(model.ToBytes());
        using var plain = new OnnxSession(model);
        CollectionAssert.AreEqual(Run(plain), Run(session));
    }

    [TestMethod]
    public void Load_OtherVersionOfTheOperators_SaysBothVersions()
    {
        var packed = new Lowering().Apply(Quantized());
        packed.Opsets[LampQDomain.Name] = 7;
        foreach (var load in new Action[] { () => LampQSession.Load(packed), () => LampQSession.Load(packed.ToBytes()) })
        {
            var e = Assert.ThrowsException<InvalidDataException>(load);
            StringAssert.Contains(e.Message, "version 7");
            StringAssert.Contains(e.Message, $"version {LampQDomain.Version}");
        }
    }

    [TestMethod]
    public void Load_MissingFile_NamesIt() =>
        StringAssert.Contains(Assert.ThrowsException<FileNotFoundException>(() => LampQSession.Load("nothing.onnx")).Message, "nothing.onnx");

    [TestMethod]
    public void Load_TruncatedBytes_ThrowsInvalidData()
    {
        byte[] bytes = new Lowering().Apply(Quantized()).ToBytes();
        for (int length = 1; length < bytes.Length; length += bytes.Length / 50)
            Assert.ThrowsException<InvalidDataException>(() => LampQSession.Load(bytes[..length]).Dispose(), $"{length} bytes");
    }

    [TestMethod]
    public void Run_ByManyCallers_ReturnsTheSameBits()
    {
        using var session = LampQSession.Load(Quantized(), new LampQSessionOptions { Threads = 2 });
        float[] expected = Run(session);
        Parallel.For(0, 32, _ => CollectionAssert.AreEqual(expected, Run(session)));
    }

    static Model Quantized() => QdqModels.Portable(QdqModels.Prepared(new TinyVit().Build()), new TinyVit().Images(1, 7));

    static float[] Run(ModelSession session) => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = new TinyVit().Images(1, 7) })[0].ToFloats();
}
