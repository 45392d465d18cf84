using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>A tiny model around one operator, with inputs to run it.</summary>
sealed class OneNodeModel
{
    readonly Dictionary<string, Tensor> inputs = [];

    public OneNodeModel(long opset) => Model = Model.Create(opset);

    public Model Model { get; }

    public Graph Graph => Model.Graph;

    /// <summary>A float input filled with random numbers.</summary>
    public Value Floats(params ReadOnlySpan<long> shape) => Input(RandomTensors.Floats(inputs.Count + 1, shape));

    public Value Input(Tensor tensor)
    {
        string name = $"x{inputs.Count}";
        inputs[name] = tensor;
        return Graph.AddInput(name, tensor.Type, [.. tensor.Shape.Select(d => (Dimension)d)]);
    }

    public Value Ints(params ReadOnlySpan<long> values) => Graph.AddInitializer("ints", Tensor.Of(values, values.Length));

    public Value Constant(Tensor tensor) => Graph.AddInitializer("constant", tensor);

    public Value Constant(float[] values, params ReadOnlySpan<long> shape) => Constant(Tensor.Of(values, shape));

    /// <summary>Adds the operator and returns all its outputs from the model.</summary>
    public OneNodeModel With(string op, Value?[] values, int outputs = 1, params (string, object)[] attributes)
    {
        var node = Graph.AddNode(op, values, [.. Enumerable.Range(0, outputs).Select(i => $"y{i}")], name: "node", attributes: attributes);
        foreach (var output in node.Outputs)
            Graph.AddOutput(output!);
        return this;
    }

    /// <summary>Outputs of the model, or of a rewritten form of it, in ONNX Runtime as written.</summary>
    public Tensor[] Run(Model? rewritten = null)
    {
        // ONNX Runtime wants a type for every output; the shape it finds itself.
        var model = (rewritten ?? Model).Clone();
        ShapeInference.Infer(model);
        foreach (var output in model.Graph.Outputs)
            output.Shape = null;
        using var session = new OnnxSession(model, new OnnxSessionOptions { Optimize = false, Threads = 1 });
        return session.Run(inputs);
    }
}
