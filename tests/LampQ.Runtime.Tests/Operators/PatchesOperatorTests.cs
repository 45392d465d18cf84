using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>The node PatchesQuantize inside ONNX Runtime.</summary>
[TestClass]
public sealed class PatchesOperatorTests
{
    const float Scale = .02f;
    static readonly Fed x = new("x", ElementType.Float, 4);

    [TestMethod]
    [DataRow(1, 3, 8, 12, 1)]
    [DataRow(2, 1, 4, 3, 1)]
    [DataRow(3, 4, 12, 6, 2)]
    [DataRow(2, 3, 11, 8, 2)]
    public void Run_AnyImage_ReturnsThePatchesInRows(int batch, int channels, int height, int width, int threads)
    {
        using var node = OneNode.Open("PatchesQuantize", [x], Attributes(), threads);
        var random = new Random(1);
        float[] image = [.. Enumerable.Range(0, batch * channels * height * width).Select(_ => 6 * random.NextSingle() - 3)];
        var y = node.Run(("x", Tensor.Of(image, batch, channels, height, width)));
        int rows = height / 4, columns = width / 3;
        CollectionAssert.AreEqual(new long[] { batch, rows * columns, channels * 12 }, y.Shape.ToArray());
        var codes = y.Bytes.Span;
        int at = 0;
        for (int b = 0; b < batch; b++)
            for (int patch = 0; patch < rows * columns; patch++)
                for (int c = 0; c < channels; c++)
                    for (int i = 0; i < 12; i++)
                    {
                        float pixel = image[((b * channels + c) * height + patch / columns * 4 + i / 3) * width + patch % columns * 3 + i % 3];
                        Assert.AreEqual(Math.Clamp((int)MathF.Round(pixel * (1 / Scale)) + 128, 5, 250), codes[at++], $"byte {at}");
                    }
    }

    [TestMethod]
    public void Run_EmptyBatch_ReturnsAnEmptyTensor()
    {
        using var node = OneNode.Open("PatchesQuantize", [x], Attributes());
        CollectionAssert.AreEqual(new long[] { 0, 4, 36 }, node.Run(("x", Tensor.Of(default(ReadOnlySpan<float>), 0, 3, 8, 6))).Shape.ToArray());
    }

    [TestMethod]
    public void Run_ImageSmallerThanAPatch_IsRefused()
    {
        using var node = OneNode.Open("PatchesQuantize", [x], Attributes());
        StringAssert.Contains(node.Failure(("x", Tensor.Of(new float[3 * 3 * 6], 1, 3, 3, 6))), "smaller than a patch of 4 x 3");
        StringAssert.Contains(node.Failure(("x", Tensor.Of(new float[3 * 8 * 2], 1, 3, 8, 2))), "smaller than a patch of 4 x 3");
        StringAssert.Contains(node.Failure(("x", Tensor.Of(default(ReadOnlySpan<float>), 1, 0, 8, 6))), "dimension below 1");
        StringAssert.Contains(node.Failure(("x", Tensor.Of(default(ReadOnlySpan<float>), 1, 3, 0, 6))), "smaller than a patch");
    }

    [TestMethod]
    public void Run_PatchLargerThanTheImage_IsRefusedWithoutOverflow()
    {
        using var node = OneNode.Open("PatchesQuantize", [x], Attributes(("patch_height", int.MaxValue), ("patch_width", int.MaxValue)));
        StringAssert.Contains(node.Failure(("x", Tensor.Of(new float[3 * 8 * 6], 1, 3, 8, 6))), "smaller than a patch of 2147483647 x 2147483647");
    }

    [TestMethod]
    public void Create_WrongAttributes_IsRefusedNamingThem()
    {
        foreach (var (name, value, reason) in new (string, object, string)[]
        {
            ("patch_height", 0, "patch_height is 0"), ("patch_width", -3, "patch_width is -3"), ("scale", 0f, "scale is 0"), ("scale", float.NaN, "scale is NaN"),
            ("scale", 1e-45f, "reciprocal"), ("zero_point", -1, "zero_point is -1"),
        })
            StringAssert.Contains(OneNode.Refusal("PatchesQuantize", [x], Attributes((name, value))), reason);
    }

    static Dictionary<string, object> Attributes(params (string Name, object Value)[] changes)
    {
        var attributes = new Dictionary<string, object> { ["patch_height"] = 4, ["patch_width"] = 3, ["scale"] = Scale, ["zero_point"] = 128, ["low"] = 5, ["high"] = 250 };
        foreach (var (name, value) in changes)
            attributes[name] = value;
        return attributes;
    }
}
