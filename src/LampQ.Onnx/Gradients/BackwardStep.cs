namespace LampQ.Onnx;

/// <summary>What a rule sees of the walk at one node: the forward node, what arrived at its outputs, and which inputs are wanted.</summary>
public sealed class BackwardStep
{
    readonly Func<Value, Value?> arrived;
    readonly Func<Value, Tensor?> constantOf;
    readonly HashSet<int> wanted;
    readonly Dictionary<int, Value> given = [];

    internal BackwardStep(Node node, GraphEmitter emit, Func<Value, Value?> arrived, Func<Value, Tensor?> constantOf, IEnumerable<int> wanted)
    {
        (Node, Emit, this.arrived, this.constantOf, this.wanted) = (node, emit, arrived, constantOf, [.. wanted]);
    }

    /// <summary>The forward node; its inputs and outputs may be used in what is emitted.</summary>
    public Node Node { get; }

    /// <summary>Adds operators to the graph.</summary>
    public GraphEmitter Emit { get; }

    /// <summary>The backward value of the first output.</summary>
    public Value Incoming => ArrivedAt(0) ?? throw Unsupported("only its further outputs lead to the loss");

    internal IEnumerable<(Value Input, Value Backward)> Given => given.OrderBy(p => p.Key).Select(p => (Node.Inputs[p.Key]!, p.Value));

    /// <summary>The backward value of an output; null when it is left out or does not lead to the loss.</summary>
    public Value? ArrivedAt(int output) => output < Node.Outputs.Count && Node.Outputs[output] is { } value ? arrived(value) : null;

    /// <summary>Input number <paramref name="index"/>, which must be there.</summary>
    public Value Input(int index) => Node.Input(index) ?? throw new InvalidDataException($"Node {Node} lacks input {index}.");

    /// <summary>Sizes of an input.</summary>
    public long[] SizesOf(int input) => GraphEmitter.Sizes(Input(input));

    /// <summary>True when the walk needs the backward value of this input.</summary>
    public bool Wants(int input) => wanted.Contains(input);

    /// <summary>Emits and hands over the backward value of an input, when it is wanted.</summary>
    /// <param name="input">Number of the input.</param>
    /// <param name="emit">Emits a value of the input's shape or of a shape the input was broadcast to, which is then summed back.</param>
    public void Give(int input, Func<Value> emit)
    {
        if (Wants(input))
            given[input] = Emit.SumTo(emit(), SizesOf(input));
    }

    /// <summary>The tensor of an input that is a constant, or follows from shapes; null when it is left out or depends on data.</summary>
    public Tensor? ConstantOf(int input) => Node.Input(input) is { } value ? constantOf(value) : null;

    /// <summary>The integers of a constant input, or null when it is left out.</summary>
    /// <exception cref="NotSupportedException">The input depends on data.</exception>
    public long[]? ConstantIntegers(int input)
    {
        if (Node.Input(input) is not { } value)
            return null;
        return ConstantOf(input)?.ToIntegers() ?? throw Unsupported($"its input {input} ('{value.Name}') depends on data; it must be a constant or follow from shapes");
    }

    /// <summary>An axis of an input, counted from the front.</summary>
    public int Axis(long axis, int rank) => (int)(axis < 0 ? axis + rank : axis);

    /// <summary>The error that names this node, its operator, what is wrong, and the way out.</summary>
    public NotSupportedException Unsupported(string reason) =>
        new($"The backward graph does not cover node {Node}: {reason}. Ask only for values behind this node, or rewrite it with operators that have a rule.");

    internal bool HasGiven(int input) => given.ContainsKey(input);
}
