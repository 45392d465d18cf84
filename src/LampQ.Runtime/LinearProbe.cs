using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A model of one linear layer on LampQ's kernels, to be timed: y = x·Wᵀ with x codes [rows, K], W codes [N, K] packed at a width, y float.</summary>
public static class LinearProbe
{
    /// <summary>Opens the model. Its weights are all 0: no kernel looks at values.</summary>
    /// <param name="outputChannels">N.</param>
    /// <param name="inputChannels">K.</param>
    /// <param name="bits">Bits of a weight, 2 to 8.</param>
    /// <param name="options">Threads.</param>
    public static LampQSession Open(int outputChannels, int inputChannels, int bits, OnnxSessionOptions options)
    {
        var model = Model.Create(17);
        model.Opsets[LampQDomain.Name] = LampQDomain.Version;
        var graph = model.Graph;
        byte[] packed = PackedWeights.Pack(new sbyte[outputChannels * inputChannels], outputChannels, inputChannels, bits);
        var y = graph.AddNode("Linear",
            [
                graph.AddInput("x", ElementType.UInt8, "rows", inputChannels),
                graph.AddInitializer("weight", Tensor.OfBytes(ElementType.UInt8, packed, packed.Length)),
                graph.AddInitializer("multiplier", Tensor.Of(Enumerable.Repeat(1f, outputChannels).ToArray())),
            ],
            ["y"], LampQDomain.Name, "linear", [("bits", bits), ("in_features", inputChannels), ("out_features", outputChannels), ("x_zero_point", 128)]).Output;
        (y.Type, y.Shape) = (ElementType.Float, ["rows", outputChannels]);
        graph.AddOutput(y);
        return LampQSession.Load(model, new LampQSessionOptions(options));
    }

    /// <summary>An input of the model.</summary>
    public static Tensor Input(int rows, int inputChannels) => Tensor.Of(new byte[rows * inputChannels], rows, inputChannels);
}
