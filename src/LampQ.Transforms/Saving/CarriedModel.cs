using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LampQ.Onnx;

namespace LampQ.Transforms;

/// <summary>A model that came as text in a column, loaded once however many rows carry the text.</summary>
sealed class CarriedModel
{
    // Every row's value refers to the same string, and the model goes when that goes. Lazy: of several threads that bring the first row, one loads it.
    static readonly ConditionalWeakTable<string, Lazy<CarriedModel>> models = [];

    readonly ScoringModel model;
    readonly Engine engine;
    readonly string[] outputs;

    CarriedModel(StepState state)
    {
        model = ScoringModel.Of(state.Model);
        engine = new Engine(state.Model, state.Threads);
        outputs = [.. model.Outputs.Take(state.Outputs).Select(o => o.Name)];
    }

    /// <exception cref="InvalidDataException">The text is no saved step.</exception>
    public static CarriedModel Of(ReadOnlyMemory<char> text) => MemoryMarshal.TryGetString(text, out string? whole, out int start, out int length)
        ? models.GetValue(whole, w => new(() => new CarriedModel(StepState.OfBytes(StateText.Decode(w.AsSpan(start, length)))))).Value
        : throw new InvalidDataException("The saved model does not come as a string, so it cannot be recognised from row to row. Load it with LampQModel.Load.");

    /// <summary>Runs the model on one row.</summary>
    /// <exception cref="InvalidOperationException">An input has another number of values than the model takes.</exception>
    public float[][] Run(IReadOnlyList<float[]> inputs)
    {
        int rows = model.FixedBatch ?? 1;
        var feeds = new Dictionary<string, Tensor>();
        for (int i = 0; i < inputs.Count; i++)
            feeds[model.Inputs[i].Name] = Feed(model.Inputs[i], inputs[i], rows);
        float[][] results = new float[outputs.Length][];
        engine.Run(feeds, outputs, (index, _, values) => results[index] = values[..(values.Length / rows)].ToArray());
        return results;
    }

    static Tensor Feed(ModelPort port, float[] values, int rows)
    {
        int known = port.Axes.Where(a => a > 0).Aggregate(1, (product, axis) => product * axis);
        bool fits = port.Size > 0 ? values.Length == port.Size : values.Length > 0 && values.Length % known == 0 && port.Axes.Count(a => a == 0) == 1;
        if (!fits)
            throw new InvalidOperationException($"A row's vector holds {values.Length} values; the model input '{port.Name}' takes {port.AxesText}.{(values.Length == 0 ? " Is the value missing?" : "")}");
        long[] shape = [rows, .. port.Axes.Select(a => (long)(a > 0 ? a : values.Length / known))];
        if (rows == 1)
            return Tensor.Of(values, shape);
        float[] filled = new float[rows * values.Length];
        values.CopyTo(filled, 0);
        return Tensor.Of(filled, shape);
    }
}
