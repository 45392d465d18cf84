using System.Text.Json;
using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq inspect</c>.</summary>
[TestClass]
public sealed class InspectTests
{
    [TestMethod]
    public void Json_TinyVit_HasEveryDocumentedField()
    {
        using var place = new Workplace();

        var run = CliRun.Of("inspect", place.Model, "--format", "json");

        run.AssertDone();
        var json = run.Json;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        Assert.AreEqual("vit", json.GetProperty("family").GetString());
        Assert.AreEqual(0, json.GetProperty("unrecognized").GetArrayLength());
        var layers = json.GetProperty("layers").EnumerateArray().ToArray();
        Assert.AreEqual(place.Vit.LayerCount, layers.Length);
        CollectionAssert.AreEqual(new[] { "patch-embedding", "qkv", "proj", "fc1", "fc2", "qkv", "proj", "fc1", "fc2", "head" }, layers.Select(l => l.GetProperty("type").GetString()).ToArray());
        Assert.AreEqual("[16,3,4,4]", Compact(layers[0].GetProperty("shape")));
        Assert.AreEqual("[48,16]", Compact(layers[1].GetProperty("shape")));
        foreach (var layer in layers)
        {
            Assert.AreNotEqual("", layer.GetProperty("name").GetString());
            Assert.AreEqual(layer.GetProperty("shape").EnumerateArray().Aggregate(1L, (product, d) => product * d.GetInt64()), layer.GetProperty("parameters").GetInt64());
        }
        Assert.AreEqual("", run.Error);
    }

    [TestMethod]
    public void Json_OperationNotRecognised_IsNamedWithOpAndReason()
    {
        using var place = new Workplace();
        var model = place.Vit.Build();
        // A product of two computed values, outside of every attention.
        var logits = model.Graph.Outputs[0];
        var transposed = model.Graph.Emit("Transpose", [logits], ("perm", new long[] { 1, 0 }));
        model.Graph.ReplaceOutput(logits, model.Graph.Emit("MatMul", [model.Graph.Emit("MatMul", [logits, transposed]), logits]));

        var unrecognized = CliRun.Of("inspect", place.Write("odd.onnx", model), "--format", "json").Json.GetProperty("unrecognized").EnumerateArray().ToArray();

        Assert.IsTrue(unrecognized.Length > 0);
        Assert.IsTrue(unrecognized.Any(u => u.GetProperty("op").GetString() == "MatMul"));
        Assert.IsTrue(unrecognized.All(u => u.GetProperty("name").GetString() != "" && u.GetProperty("reason").GetString() != ""));
    }

    [TestMethod]
    public void Text_TinyVit_IsATableWithColumnsUnderTheirHeadings()
    {
        using var place = new Workplace();

        string[] lines = CliRun.Of("inspect", place.Model).Output.Split(Environment.NewLine);

        string heading = lines.Single(l => l.TrimStart().StartsWith("name ", StringComparison.Ordinal));
        string head = lines.Single(l => l.Contains(" head ", StringComparison.Ordinal));
        Assert.AreEqual(heading.IndexOf("type", StringComparison.Ordinal), head.LastIndexOf(" head ", StringComparison.Ordinal) + 1);
        Assert.AreEqual(heading.Length, head.Length);
    }

    [TestMethod]
    public void Text_NoLinearLayer_SaysSoOnStderr()
    {
        using var place = new Workplace();
        var model = Model.Create(17);
        model.Graph.AddOutput(model.Graph.Emit("Relu", [model.Graph.AddInput("x", ElementType.Float, 1, 5)]));

        var run = CliRun.Of("inspect", place.Write("relu.onnx", model));

        run.AssertDone();
        StringAssert.Contains(run.Error, "no linear layer");
    }

    [TestMethod]
    public void Json_PackedModel_ListsTheLayersWithTheirBitsAndShapes()
    {
        using var place = new Workplace();
        place.Quantize("--export", "packed", "--method", "uniform", "--uniform-bits", "3").AssertDone();

        var run = CliRun.Of("inspect", place.Output, "--format", "json");

        run.AssertDone();
        var layers = run.Json.GetProperty("packed").EnumerateArray().ToArray();
        Assert.AreEqual(place.Vit.LayerCount, layers.Length);
        var bitsOf = Model.Read(place.Output).Metadata["lampq.bits"].Split(';').Select(l => l.Split('=')).ToDictionary(l => l[0], l => long.Parse(l[1]));
        var shapes = CliRun.Of("inspect", place.Model, "--format", "json").Json.GetProperty("layers").EnumerateArray()
            .ToDictionary(l => l.GetProperty("name").GetString()!, l => l.GetProperty("parameters").GetInt64());
        foreach (var layer in layers)
        {
            string name = layer.GetProperty("name").GetString()!;
            Assert.AreEqual(bitsOf[name], layer.GetProperty("bits").GetInt64(), name);
            Assert.AreEqual(shapes[name], layer.GetProperty("parameters").GetInt64(), name);
        }
        CollectionAssert.AreEquivalent(bitsOf.Keys, layers.Select(l => l.GetProperty("name").GetString()).ToArray());
        Assert.AreEqual("[48,16]", Compact(layers.First(l => l.GetProperty("name").GetString()!.Contains("qkv")).GetProperty("shape")));
        StringAssert.Contains(CliRun.Of("inspect", place.Output).Output, "LinearQuantize");
    }

    static string Compact(JsonElement json) => JsonSerializer.Serialize(json);
}
