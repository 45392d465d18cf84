using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Lets activations pass quantizers below 8 bits now and then, element by element (QDrop, Wei et al., ICLR 2022, section 4): behind a quantizer whose scale is trained stands Where(drawn, x, x̂), with what is drawn as an input.
/// </summary>
sealed class QuantizerDrop
{
    readonly List<(string Input, long[] Shape)> inputs = [];

    /// <summary>Writes them into a graph of a <see cref="TrainableTwin"/>.</summary>
    /// <param name="graph">The graph; its first input has the batch as its first axis.</param>
    /// <param name="batch">Samples at once.</param>
    public void Write(Graph graph, int batch)
    {
        var batchAxis = graph.Inputs[0].Shape![0];
        foreach (var dequantize in graph.Nodes.Where(n => n.Is("DequantizeLinear") && n.Input(1)!.IsGraphInput).ToArray())
        {
            var quantized = dequantize.Output;
            var x = dequantize.Input(0)!.Producer!.Input(0)!;
            if (x.Producer is { } clip && clip.Is("Clip"))
                x = clip.Input(0)!;
            // Where the batch is not the first axis nobody knows how much to draw: such a quantizer stays as it is.
            if (x.Shape is not [var first, ..] || first != batchAxis || x.Shape.Skip(1).Any(d => d.Size is null))
                continue;
            long[] shape = [batch, .. x.Shape.Skip(1).Select(d => d.Size!.Value)];
            var drawn = graph.AddInput(graph.NewName($"{x.Name}:drop"), ElementType.Bool, [.. shape.Select(d => new Dimension(d))]);
            var mixed = graph.Emit("Where", [drawn, x, quantized]);
            (mixed.Type, mixed.Shape) = (quantized.Type, quantized.Shape);
            graph.ReplaceUses(quantized, mixed, except: mixed.Producer);
            inputs.Add((drawn.Name, shape));
        }
    }

    /// <summary>Draws what a part of the graph needs.</summary>
    /// <param name="fed">Inputs of the part.</param>
    /// <param name="rate">Probability of each element to pass.</param>
    /// <param name="random">Draws.</param>
    public IEnumerable<(string Input, Tensor Drawn)> Draw(IReadOnlyList<string> fed, double rate, Random random) =>
        inputs.Where(i => fed.Contains(i.Input)).Select(i => (i.Input, Tensor.OfBytes(ElementType.Bool, Draw(rate, random, i.Shape.Aggregate(1, (count, d) => count * (int)d)), i.Shape)));

    /// <summary>1 with a probability, else 0.</summary>
    public static byte[] Draw(double rate, Random random, int count)
    {
        var drawn = new byte[count];
        random.NextBytes(drawn);
        // In 256ths, so that 1 is always and 0 never.
        int limit = (int)Math.Round(rate * 256);
        for (int i = 0; i < count; i++)
            drawn[i] = drawn[i] < limit ? (byte)1 : (byte)0;
        return drawn;
    }
}
