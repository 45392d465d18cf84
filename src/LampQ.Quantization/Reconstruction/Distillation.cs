using System.Numerics.Tensors;
using LampQ.Onnx;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

/// <summary>
/// What a trained model is to come close to: KL(p ‖ p̂) of the scores, and Σ_j λ_j·Σ_t ω_t·‖ŝ_jt − s_jt‖² over cuts j of the residual stream, s the float model's. The stream says in every
/// token what scores say in one distribution an image, so few images go further.
/// </summary>
sealed class Distillation
{
    readonly Value[] cuts;
    readonly float[][] weights;
    readonly string output;

    /// <summary>Finds the cuts.</summary>
    /// <param name="calibration">The float model.</param>
    /// <param name="tokens">What each token counts, averaged over samples here; null counts all alike.</param>
    public Distillation(Calibration calibration, TokenWeights? tokens)
    {
        cuts = [.. StartingPoints.Cuts(calibration.Model, calibration.Structure).Where(c => c.Shape!.Skip(1).All(d => d.Size is not null)).Skip(1)];
        weights = [.. cuts.Select(cut => calibration.Structure.Layers.FirstOrDefault(l => cut.Producer?.Inputs.Contains(l.Output) == true) is { } layer
            && tokens?.MeanOf(layer) is { } mean && mean.Length == cut.Shape![1].Size ? mean : [1f])];
        output = calibration.Model.Graph.Outputs[0].Name;
    }

    /// <summary>Number of cuts.</summary>
    public int Cuts => cuts.Length;

    /// <summary>Values of a model that are compared: streams first, then scores.</summary>
    public IReadOnlyList<Value> Compared(Graph graph) => [.. Enumerable.Range(0, Cuts + 1).Select(index => graph.Find(NameOf(index))!)];

    /// <summary>Name of the stream at a cut, or, behind the last cut, of the scores.</summary>
    public string NameOf(int index) => index < cuts.Length ? cuts[index].Name : output;

    /// <summary>Shape of one sample of the stream at a cut.</summary>
    public int[] ShapeAt(int cut) => [.. cuts[cut].Shape!.Skip(1).Select(d => (int)d.Size!.Value)];

    /// <summary>Name of the input that takes a stream of the float model, or, behind the last cut, its probabilities.</summary>
    public string Target(int index) => $"{NameOf(index)}:target";

    /// <summary>Name of the input that takes λ_j.</summary>
    public string Share(int cut) => $"{cuts[cut].Name}:share";

    /// <summary>Emits the objective of each sample [batch], up to the entropy of p, which no parameter changes.</summary>
    public Value Emit(Graph graph, int batch)
    {
        var objective = Emit(graph, Cuts, batch);
        for (int j = 0; j < Cuts; j++)
            objective = graph.Emit("Add", [objective, graph.Emit("Mul", [Emit(graph, j, batch), graph.AddInput(Share(j), ElementType.Float, [])])]);
        return objective;
    }

    /// <summary>Emits one part of the objective of each sample [batch]: the squared error at a cut, or, behind the last cut, the divergence of the scores up to the entropy of p.</summary>
    public Value Emit(Graph graph, int index, int batch)
    {
        var compared = graph.Find(NameOf(index))!;
        Dimension[] shape = [batch, .. compared.Shape!.Skip(1)];
        var target = graph.AddInput(Target(index), ElementType.Float, shape);
        if (index == Cuts)
            return graph.Emit("Neg", [Sum(graph, graph.Emit("Mul", [target, graph.Emit("LogSoftmax", [compared], ("axis", -1L))]), 2)]);
        var difference = graph.Emit("Sub", [compared, target]);
        var token = graph.AddInitializer("token", Tensor.Of(weights[index], [1, weights[index].Length, .. shape.Skip(2).Select(_ => 1L)]));
        return Sum(graph, graph.Emit("Mul", [graph.Emit("Mul", [difference, difference]), token]), shape.Length);
    }

    /// <summary>What the float model's values are as a target: a stream as it is, scores [.., classes] as probabilities.</summary>
    public float[] Wanted(int index, ReadOnlySpan<long> shape, ReadOnlySpan<float> values)
    {
        float[] wanted = values.ToArray();
        if (index == Cuts)
            for (int row = 0, width = (int)shape[^1]; row < wanted.Length; row += width)
                SoftMax(wanted.AsSpan(row, width));
        return wanted;
    }

    /// <summary>Σ_t ω_t·‖ŝ_t − s_t‖² of each cut, and KL last, for one sample.</summary>
    public double ErrorOf(int index, ReadOnlySpan<float> found, ReadOnlySpan<float> target)
    {
        double sum = 0;
        if (index < Cuts)
        {
            int width = found.Length / weights[index].Length;
            for (int t = 0; t < weights[index].Length; t++)
            {
                double distance = TensorPrimitives.Distance(found.Slice(t * width, width), target.Slice(t * width, width));
                sum += weights[index][t] * distance * distance;
            }
            return sum;
        }
        float[] p = found.ToArray();
        SoftMax(p);
        for (int c = 0; c < p.Length; c++)
            sum += target[c] > 0 ? target[c] * Math.Log(target[c] / Math.Max(p[c], 1e-30)) : 0;
        return sum;
    }

    /// <summary>exp(x − max)/Σ exp(x − max), in place: without max scores above 88 would overflow.</summary>
    static void SoftMax(Span<float> scores)
    {
        TensorPrimitives.Subtract(scores, TensorPrimitives.Max<float>(scores), scores);
        TensorPrimitives.SoftMax(scores, scores);
    }

    static Value Sum(Graph graph, Value x, int rank) =>
        graph.Emit("ReduceSum", [x, graph.AddInitializer("axes", Tensor.Of(Enumerable.Range(1, rank - 1).Select(i => (long)i).ToArray()))], ("keepdims", 0L));
}
