using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>‖(Â − A)·V‖² over heads and tokens, for any code of an attention map A, on a few samples of the float network.</summary>
/// <param name="calibration">The float model.</param>
/// <param name="samples">A few samples; map and values of one attention at a time are kept for them.</param>
/// <param name="settings">Batch size and threads.</param>
public sealed class ContextErrors(Calibration calibration, SampleSet samples, RunSettings settings) : IDisposable
{
    readonly List<(Tensor Map, Tensor Values)> recorded = [];
    readonly Dictionary<(Type, bool), OnnxSession> parts = [];
    ModelPart? model;
    Attention? current;

    /// <summary>The error of codes of one attention's map.</summary>
    public Func<MapCode, double> Of(Attention attention) => code =>
    {
        if (current != attention)
            Record(attention);
        var kind = (code.Quantizer.GetType(), code.IsRowByRow);
        if (!parts.TryGetValue(kind, out var part))
            part = parts[kind] = PartFor(code);
        double sum = 0;
        foreach (var (map, values) in recorded)
        {
            var fed = new Dictionary<string, Tensor> { ["map"] = map, ["values"] = values };
            foreach (var (name, value) in code.Quantizer.Parameters)
                fed[$"map:{name}"] = value;
            part.Run(fed, ["error"], (_, _, error) => sum += error[0]);
        }
        return sum;
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        model?.Dispose();
        foreach (var part in parts.Values)
            part.Dispose();
    }

    void Record(Attention attention)
    {
        var all = calibration.Structure.Attentions;
        model ??= ModelPart.Of(calibration.Model, null, g => [.. all.SelectMany(a => a.Context.Inputs.Take(2)).Select(v => g.Find(v!.Name)!)], settings);
        recorded.Clear();
        string[] names = [attention.Context.Input(0)!.Name, attention.Context.Input(1)!.Name];
        foreach (var batch in samples.Tensors(settings))
        {
            var both = new Tensor[2];
            model.Run(batch, names, (i, shape, values) => both[i] = Tensor.Of(values, shape));
            recorded.Add((both[0], both[1]));
        }
        current = attention;
    }

    /// <summary>A, V and the parameters of a code in; the squared norm of (Â − A)·V out.</summary>
    OnnxSession PartFor(MapCode kind)
    {
        var part = Model.Create(13);
        var graph = part.Graph;
        var map = graph.AddInput("map", ElementType.Float, "batch", "heads", "rows", "columns");
        var values = graph.AddInput("values", ElementType.Float, "batch", "heads", "columns", "channels");
        var largest = kind.IsRowByRow ? graph.Emit("ReduceMax", [map], ("axes", new long[] { -1 })) : null;
        var coded = largest is null ? map : graph.Emit("Div", [map, largest]);
        var error = graph.Emit("MatMul", [graph.Emit("Sub", [CandidateModel.Fed(graph, coded, kind.Quantizer, "map"), coded]), values]);
        if (largest is not null)
            error = graph.Emit("Mul", [error, largest]);
        var sum = graph.Emit("ReduceSumSquare", [error], "error", ("keepdims", 0L));
        (sum.Type, sum.Shape) = (ElementType.Float, []);
        graph.AddOutput(sum);
        return new OnnxSession(part, settings.Session);
    }
}
