using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

/// <summary>How a QDQ graph stores integers.</summary>
/// <param name="SignedActivations">int8 activations, else uint8.</param>
/// <param name="SignedWeights">int8 weights, else uint8 with zero point 128.</param>
/// <param name="PerChannel">A scale an output channel, else one for the weight.</param>
public sealed record QdqStyle(bool SignedActivations = false, bool SignedWeights = true, bool PerChannel = true);

/// <summary>Quantizes tiny models after the smallest and largest values of a few images, in the manner of one tool or another.</summary>
static class QdqModels
{
    /// <summary>Constants folded, shapes known: what quantizers begin with.</summary>
    public static Model Prepared(Model model, int opset = 13)
    {
        var folded = new ConstantFolding().Apply(model);
        if (folded.Opset < opset)
            folded = new OpsetUpgrade(opset).Apply(folded);
        ShapeInference.Infer(folded);
        return folded;
    }

    /// <summary>LampQ's portable export: inputs of layers, operands of attention, the map row by row.</summary>
    /// <param name="model">A prepared float model.</param>
    /// <param name="image">One batch to take ranges from.</param>
    /// <param name="bits">Bits of weights.</param>
    /// <param name="container">How weights are stored.</param>
    /// <param name="activationBits">Bits of activations.</param>
    /// <param name="map">How attention maps are coded; null for uniform codes of rows.</param>
    /// <param name="behindGelu">The quantizer of fc2's input of a largest value; null for a uniform one.</param>
    public static Model Portable(Model model, Tensor image, int bits = 8, WeightContainer container = WeightContainer.Int8, int activationBits = 8, MapCode? map = null, Func<float, ActivationQuantizer>? behindGelu = null)
    {
        var quantized = model.Clone();
        var ranges = Ranges(quantized, image);
        ModelFamily.Detect(quantized, out var structure);
        var writer = new QdqActivation(quantized.Graph);
        // Ranges of the values the structure names, before the writer changes who uses them.
        var inputs = structure.Layers.ToDictionary(l => l.Name, l => Patches(l, ranges, activationBits));
        foreach (var a in structure.Attentions)
            QdqAttention.Write(writer, a, Centered(a.Scores.Input(0)!), Centered(a.Scores.Input(1)!), Centered(a.Context.Input(1)!), map ?? MapCode.Uniform(activationBits), quantized.Opset, $"attention.{a.Block}");
        foreach (var layer in structure.Layers)
        {
            var weights = Round(layer, bits);
            float[]? bias = layer.Bias?.Constant?.ToFloats();
            if (layer.Node.Is("Conv"))
                QdqPatchEmbedding.Write(writer, layer, weights, inputs[layer.Name], container, bias);
            else
                QdqLinear.Write(writer, layer, weights, behindGelu is not null && layer.Type == LayerType.Fc2 ? behindGelu(inputs[layer.Name].Maximum) : inputs[layer.Name], container, bias, layer.Input.Shape?.Count == 2);
        }
        quantized.Graph.RemoveUnused();
        quantized.Graph.Sort();
        return quantized;

        AffineQuantizer Centered(Value value) => AffineQuantizer.Centered(Math.Max(-ranges[value.Name].Min, ranges[value.Name].Max), activationBits);
    }

    /// <summary>As quantize_static of ONNX Runtime does: QuantizeLinear and DequantizeLinear around inputs and outputs of the operators named, weights rounded to nearest.</summary>
    public static Model Static(Model model, Tensor image, QdqStyle style, params string[] operators)
    {
        var quantized = model.Clone();
        var graph = quantized.Graph;
        var ranges = Ranges(quantized, image);
        var twins = new Dictionary<Value, Value>();
        foreach (var node in graph.Nodes.Where(n => n.Is(operators)).ToArray())
        {
            for (int i = 0; i < node.Inputs.Count; i++)
                if (node.Input(i) is { } input)
                {
                    if (input.Constant is not { } tensor)
                        node.SetInput(i, Twin(input));
                    else if (node.Is("MatMul", "Gemm", "Conv") && i == 1 && tensor.Rank >= 2)
                        node.SetInput(i, Weight(node, input, tensor));
                    else if (node.Is("Gemm", "Conv") && i == 2)
                        node.SetInput(i, Bias(node, tensor));
                }
            var output = node.Output;
            if (!output.IsGraphOutput && !node.Is("Gemm") && !twins.ContainsKey(output))
            {
                var twin = Twin(output);
                graph.ReplaceUses(output, twin, except: twins[output].Producer!.Input(0)!.Producer);
            }
        }
        graph.Sort();
        return quantized;

        Value Twin(Value value)
        {
            if (value.Producer is { } producer && producer.Is("DequantizeLinear"))
                return value;
            if (twins.TryGetValue(value, out var known))
                return known;
            var q = AffineQuantizer.OfRange(ranges[value.Name].Min, ranges[value.Name].Max, 8);
            var scale = graph.AddInitializer(value.Name + "_scale", Tensor.Scalar(q.Scale));
            var zero = graph.AddInitializer(value.Name + "_zero_point", style.SignedActivations ? Tensor.Scalar((sbyte)(q.ZeroPoint - 128)) : Tensor.Scalar((byte)q.ZeroPoint));
            var codes = graph.Emit("QuantizeLinear", [value, scale, zero], value.Name + "_QuantizeLinear");
            return twins[value] = graph.Emit("DequantizeLinear", [codes, scale, zero], value.Name + "_DequantizeLinear");
        }

        Value Weight(Node node, Value weight, Tensor tensor)
        {
            int axis = node.Is("Conv") || node.Int("transB") != 0 ? 0 : 1;
            int count = (int)tensor.Shape[axis], inner = axis == 0 ? (int)(tensor.Count / count) : 1;
            var values = tensor.ToFloats();
            var scales = new float[style.PerChannel ? count : 1];
            for (int i = 0; i < values.Length; i++)
                scales[Channel(i)] = Math.Max(scales[Channel(i)], Math.Abs(values[i]) / 127);
            var codes = values.Select((v, i) => (int)MathF.Round(v / scales[Channel(i)], MidpointRounding.ToEven)).ToArray();
            var stored = style.SignedWeights ? Tensor.Of([.. codes.Select(c => (sbyte)c)], [.. tensor.Shape]) : Tensor.Of([.. codes.Select(c => (byte)(c + 128))], [.. tensor.Shape]);
            var zeros = style.SignedWeights ? Tensor.Of(new sbyte[scales.Length]) : Tensor.Of([.. scales.Select(_ => (byte)128)]);
            var parameters = style.PerChannel
                ? (graph.AddInitializer(weight.Name + "_scale", Tensor.Of(scales)), graph.AddInitializer(weight.Name + "_zero_point", zeros))
                : (graph.AddInitializer(weight.Name + "_scale", Tensor.Scalar(scales[0])), graph.AddInitializer(weight.Name + "_zero_point", zeros.Reshape()));
            return graph.Emit("DequantizeLinear", [graph.AddInitializer(weight.Name + "_quantized", stored), parameters.Item1, parameters.Item2], weight.Name + "_DequantizeLinear", style.PerChannel ? [("axis", (long)axis)] : []);

            int Channel(int i) => style.PerChannel ? i / inner % count : 0;
        }

        Value Bias(Node node, Tensor bias)
        {
            float x = QdqActivation.Match(node.Input(0)!)!.Quantizer.Scale;
            var w = node.Input(1)!.Producer!.Input(1)!.Initializer!.ToFloats();
            float[] scales = [.. w.Select(s => s * x)];
            var codes = graph.AddInitializer("bias_quantized", Tensor.Of([.. bias.ToFloats().Select((b, n) => (int)Math.Round(b / scales[n % scales.Length]))]));
            var scale = graph.AddInitializer("bias_scale", scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Of(scales));
            return graph.Emit("DequantizeLinear", [codes, scale], "bias_DequantizeLinear", scales.Length == 1 ? [] : [("axis", 0L)]);
        }
    }

    static Dictionary<string, (float Min, float Max)> Ranges(Model model, Tensor image)
    {
        var probe = model.Clone();
        foreach (var value in probe.Graph.Values.Where(v => v.Producer is not null && v.Type == ElementType.Float && v.Constant is null).ToArray())
            probe.Graph.AddOutput(value);
        using var session = new OnnxSession(probe, new OnnxSessionOptions { Threads = 1, Optimize = false });
        var names = session.OutputNames;
        var results = session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image });
        var ranges = names.Zip(results).ToDictionary(p => p.First, p => Range(p.Second));
        ranges[session.InputNames[0]] = Range(image);
        return ranges;

        static (float, float) Range(Tensor tensor) => tensor.ToFloats() is var values ? (values.Min(), values.Max()) : default;
    }

    static AffineQuantizer Patches(QuantizableLayer layer, Dictionary<string, (float Min, float Max)> ranges, int bits) =>
        AffineQuantizer.OfRange(ranges[layer.Input.Name].Min, ranges[layer.Input.Name].Max, bits);

    static QuantizedWeights Round(QuantizableLayer layer, int bits)
    {
        int rows = layer.OutputChannels, columns = layer.InputChannels;
        var values = layer.WeightTensor.ToFloats();
        float At(int n, int k) => layer.IsRowPerOutput ? values[n * columns + k] : values[k * rows + n];
        var codes = new sbyte[rows * columns];
        var scales = new float[rows];
        int high = (1 << (bits - 1)) - 1;
        for (int n = 0; n < rows; n++)
        {
            scales[n] = Enumerable.Range(0, columns).Max(k => Math.Abs(At(n, k))) / high;
            for (int k = 0; k < columns; k++)
                codes[n * columns + k] = (sbyte)Math.Clamp(MathF.Round(At(n, k) / scales[n]), -high - 1, high);
        }
        return new QuantizedWeights(bits, rows, columns, codes, scales);
    }
}
