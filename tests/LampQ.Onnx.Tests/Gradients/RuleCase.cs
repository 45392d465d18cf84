using LampQ.Onnx;

namespace LampQ.Onnx.Tests;

/// <summary>A small graph around one operator: its float inputs are what is differentiated.</summary>
sealed class RuleCase(string name, long opset, Func<RuleCase, Value> build)
{
    readonly Dictionary<string, Tensor> inputs = [];
    readonly Random random = new(name.Sum(c => c) + (int)opset);

    public Model Model { get; private set; } = null!;

    public IReadOnlyDictionary<string, Tensor> Inputs => inputs;

    public int Seed => name.Sum(c => c) + (int)opset;

    public Graph Graph => Model.Graph;

    public RuleCase Built()
    {
        inputs.Clear();
        Model = Model.Create(opset);
        Graph.AddOutput(build(this));
        GradientCheck.StateShapes(Model, inputs);
        return this;
    }

    /// <summary>A float input, evenly random in −1 to 1.</summary>
    public Value X(params long[] shape) => Between(-1, 1, shape);

    /// <summary>A float input, evenly random between two numbers.</summary>
    public Value Between(double low, double high, params long[] shape) => Input(Numbers(low, high, shape), shape);

    /// <summary>
    /// A float input of numbers at least 0.15 from each other and from 0, in random order: finite differences move by 2/32 at most and so
    /// never past a kink at 0 or at another element.
    /// </summary>
    public Value Apart(params long[] shape)
    {
        long count = shape.Aggregate(1L, (p, d) => p * d);
        var values = Enumerable.Range(0, (int)count).Select(i => (float)((i % 2 == 0 ? 1 : -1) * (.15 * (i / 2) + .15))).ToArray();
        // The two signs mirror each other; |x| must differ too.
        for (int i = 1; i < values.Length; i += 2)
            values[i] -= .075f;
        random.Shuffle(values);
        return Input(values, shape);
    }

    /// <summary>A float input with these numbers.</summary>
    public Value Input(float[] values, params long[] shape) => Add(Tensor.Of(values, [.. shape]));

    /// <summary>An int64 input.</summary>
    public Value Integers(long[] values, params long[] shape) => Add(Tensor.Of(values, [.. shape]));

    /// <summary>A float constant, evenly random between two numbers.</summary>
    public Value Constant(double low, double high, params long[] shape) => Graph.AddInitializer("c", Tensor.Of(Numbers(low, high, shape), [.. shape]));

    /// <summary>A constant.</summary>
    public Value Constant(Tensor tensor) => Graph.AddInitializer("c", tensor);

    /// <summary>A constant int64 vector.</summary>
    public Value List(params long[] values) => Graph.AddInitializer("list", Tensor.Of(values, values.Length));

    public Value Op(string op, Value?[] inputs, params (string, object)[] attributes) => Graph.Emit(op, inputs, attributes);

    public override string ToString() => $"{name} (opset {opset})";

    Value Add(Tensor tensor)
    {
        string input = $"x{inputs.Count}";
        inputs[input] = tensor;
        return Graph.AddInput(input, tensor.Type, [.. tensor.Shape.Select(d => new Dimension(d))]);
    }

    float[] Numbers(double low, double high, long[] shape) =>
        [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(low + random.NextDouble() * (high - low)))];
}
