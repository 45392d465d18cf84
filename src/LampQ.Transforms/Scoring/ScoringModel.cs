using LampQ.Onnx;

namespace LampQ.Transforms;

/// <summary>An ONNX model as a pipeline sees it: its bytes, inputs, outputs, and whether the batch is fixed.</summary>
sealed class ScoringModel
{
    ScoringModel(byte[] bytes, IReadOnlyList<ModelPort> inputs, IReadOnlyList<ModelPort> outputs, int? fixedBatch) =>
        (Bytes, Inputs, Outputs, FixedBatch) = (bytes, inputs, outputs, fixedBatch);

    /// <summary>The content of the .onnx file, weights inside.</summary>
    public byte[] Bytes { get; }

    public IReadOnlyList<ModelPort> Inputs { get; }

    public IReadOnlyList<ModelPort> Outputs { get; }

    /// <summary>Rows a run where the model fixes them; null where it takes any number.</summary>
    public int? FixedBatch { get; }

    public static ScoringModel Of(byte[] bytes) => Of(Model.Read(bytes), bytes);

    /// <summary>Looks at a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="bytes">Its content where it is known; null writes it.</param>
    /// <exception cref="NotSupportedException">It has no input or output, or one that is no column.</exception>
    public static ScoringModel Of(Model model, byte[]? bytes = null)
    {
        if (model.Graph.Inputs.Count == 0 || model.Graph.Outputs.Count == 0)
            throw new NotSupportedException($"The model has {model.Graph.Inputs.Count} inputs and {model.Graph.Outputs.Count} outputs; expected one of each at least.");
        long?[] batches = [.. model.Graph.Inputs.Where(i => i.Shape is { Count: > 0 }).Select(i => i.Shape![0].Size)];
        int? batch = (int?)batches.FirstOrDefault(b => b is not null);
        if (batches.Any(b => b is { } size && size != batch))
            throw new NotSupportedException($"The model's inputs have the batch sizes {string.Join(", ", batches)}; expected the same for all.");
        return new ScoringModel(bytes ?? model.ToBytes(), [.. model.Graph.Inputs.Select(i => ModelPort.Of(i, "input"))], [.. model.Graph.Outputs.Select(o => ModelPort.Of(o, "output"))], batch);
    }
}
