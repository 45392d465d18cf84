using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

[TestClass]
public class RealModelShapesTests
{
    [TestMethod]
    [DataRow(SharedModels.DeitTiny, "pixel_values", 3, 224)]
    [DataRow(SharedModels.VitTiny, "pixel_values", 3, 224)]
    [DataRow(SharedModels.VitMnist, "image", 1, 28)]
    public void Infer_TransformerAtBatchTwo_AgreesWithEveryShapeThatOnnxRuntimeComputes(string file, string input, int channels, int size)
    {
        var model = SharedModels.Read(file);
        ShapeInference.Infer(model, symbols: new Dictionary<string, long> { ["batch"] = 2 });

        var everything = SharedModels.Read(file);
        foreach (var value in everything.Graph.Values.Where(v => v.Producer is { } p && !p.Is("Constant")).ToArray())
            everything.Graph.AddOutput(value);
        foreach (var output in everything.Graph.Outputs)
            (output.Type, output.Shape) = (model.Graph.Find(output.Name)!.Type, null);
        using var session = new OnnxSession(everything, new OnnxSessionOptions { Optimize = false });
        var names = everything.Graph.Outputs.Select(v => v.Name).ToArray();
        var results = session.Run(new Dictionary<string, Tensor> { [input] = RandomTensors.Floats(1, 2, channels, size, size) }, names);

        for (int i = 0; i < names.Length; i++)
        {
            var value = model.Graph.Find(names[i])!;
            Assert.AreEqual($"{results[i].Type}[{string.Join(",", results[i].Shape)}]", $"{value.Type}[{string.Join(",", value.Shape!)}]", names[i]);
        }
    }

    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.VitTiny)]
    [DataRow(SharedModels.VitMnist)]
    [DataRow(SharedModels.Plates)]
    [DataRow(SharedModels.Detector)]
    public void Infer_DynamicBatch_GivesEveryValueATypeAndEveryDimensionASizeOrAName(string file)
    {
        var model = SharedModels.Read(file);

        ShapeInference.Infer(model);

        var open = model.Graph.Values.Where(v => v.Type == ElementType.Undefined || v.Shape is null || v.Shape.Contains(Dimension.Unknown)).Select(v => v.ToString());
        Assert.AreEqual("", string.Join("\n", open));
    }

    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.VitMnist)]
    public void Infer_DynamicBatch_NamesTheBatchInEveryActivation(string file)
    {
        var model = SharedModels.Read(file);

        ShapeInference.Infer(model);

        foreach (var product in model.Graph.Nodes.Where(n => n.Is("MatMul", "LayerNormalization", "Softmax", "Gemm")))
            Assert.IsTrue(product.Output.Shape![0].Symbol == "batch" || product.Output.Shape.Any(d => d.Symbol?.Contains("batch") == true), product.Output.ToString());
    }
}
