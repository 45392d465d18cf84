namespace LampQ.Onnx;

/// <summary>One operation of a graph.</summary>
public sealed class Node
{
    readonly List<Value?> inputs = [];
    readonly List<Value?> outputs = [];
    readonly Dictionary<string, Attribute> attributes = [];

    internal Node(Graph graph, string opType, string domain, string name)
    {
        Graph = graph;
        OpType = opType;
        Domain = domain;
        Name = name;
    }

    /// <summary>The graph the node stands in.</summary>
    public Graph Graph { get; }

    /// <summary>Operator, "MatMul".</summary>
    public string OpType { get; }

    /// <summary>Operator domain; empty for the operators of ONNX itself.</summary>
    public string Domain { get; }

    /// <summary>Name; may be empty, and a reader must not draw conclusions from it.</summary>
    public string Name { get; set; }

    /// <summary>Inputs; null where an optional one is left out.</summary>
    public IReadOnlyList<Value?> Inputs => inputs;

    /// <summary>Outputs; null where an optional one is not asked for.</summary>
    public IReadOnlyList<Value?> Outputs => outputs;

    /// <summary>The first output.</summary>
    public Value Output => outputs[0]!;

    /// <summary>All attributes.</summary>
    public IEnumerable<Attribute> Attributes => attributes.Values;

    /// <summary>What the reader saw, so that parts LampQ does not know survive; only IO looks inside.</summary>
    internal object? Carried { get; set; }

    /// <summary>True for an operator of ONNX itself with this name.</summary>
    public bool Is(string opType) => OpType == opType && (Domain.Length == 0 || Domain == "ai.onnx");

    /// <summary>True for an operator of ONNX itself with one of these names.</summary>
    public bool Is(params ReadOnlySpan<string> opTypes)
    {
        foreach (string opType in opTypes)
            if (Is(opType))
                return true;
        return false;
    }

    /// <summary>Input number <paramref name="index"/>, or null when it is left out.</summary>
    public Value? Input(int index) => index < inputs.Count ? inputs[index] : null;

    /// <summary>The attribute, or null when it is left out.</summary>
    public Attribute? Attribute(string name) => attributes.GetValueOrDefault(name);

    /// <summary>An integer attribute, or the default when it is left out.</summary>
    public long Int(string name, long whenAbsent = 0) => Typed<long>(name, whenAbsent);

    /// <summary>A float attribute, or the default when it is left out.</summary>
    public float Float(string name, float whenAbsent = 0) => Typed<float>(name, whenAbsent);

    /// <summary>A text attribute, or the default when it is left out.</summary>
    public string String(string name, string whenAbsent = "") => Typed<string>(name, whenAbsent);

    /// <summary>A list of floats; null when absent.</summary>
    public float[]? Floats(string name) => Typed<float[]?>(name, null);

    /// <summary>A list of integers, or null when it is left out.</summary>
    public long[]? Ints(string name) => Typed<long[]?>(name, null);

    /// <summary>Sets an attribute: long, float, string, Tensor, long[], float[] or string[] (int and bool are widened).</summary>
    public void Set(string name, object value) => Add(new Attribute(name, value switch
    {
        int i => (long)i,
        bool b => b ? 1L : 0L,
        int[] list => Array.ConvertAll(list, i => (long)i),
        long or float or string or Tensor or long[] or float[] or string[] => value,
        _ => throw new ArgumentException($"An attribute cannot hold a {value.GetType().Name}.", nameof(value)),
    }));

    /// <summary>Takes an attribute away; nothing happens when it is not there.</summary>
    public void Unset(string name) => attributes.Remove(name);

    /// <summary>Connects input number <paramref name="index"/> to another value, adding inputs up to it where there are fewer.</summary>
    public void SetInput(int index, Value? value)
    {
        while (inputs.Count <= index)
            inputs.Add(null);
        inputs[index]?.RemoveUse(this, index);
        inputs[index] = value;
        value?.AddUse(this, index);
    }

    /// <summary>Takes inputs away from number <paramref name="count"/> on.</summary>
    public void TrimInputs(int count)
    {
        for (int i = inputs.Count - 1; i >= count; i--)
        {
            SetInput(i, null);
            inputs.RemoveAt(i);
        }
    }

    /// <summary>Operator, name and outputs, for messages.</summary>
    public override string ToString() => $"'{(Name.Length > 0 ? Name : outputs.Count > 0 ? outputs[0]?.Name : "")}' ({OpType})";

    /// <summary>The tensor of a Constant node in any of its spellings; null for every other node.</summary>
    internal Tensor? ConstantValue { get; private set; }

    internal void AddOutput(Value? value)
    {
        outputs.Add(value);
        if (value is not null)
            value.Producer = this;
    }

    internal void Add(Attribute attribute)
    {
        attributes[attribute.Name] = attribute;
        if (Is("Constant"))
            ConstantValue = attribute switch
            {
                { Name: "value", Value: Tensor t } => t,
                { Name: "value_float", Value: float f } => Tensor.Scalar(f),
                { Name: "value_int", Value: long i } => Tensor.Scalar(i),
                { Name: "value_floats", Value: float[] list } => Tensor.Of(list),
                { Name: "value_ints", Value: long[] list } => Tensor.Of(list),
                _ => ConstantValue,
            };
    }

    T Typed<T>(string name, T whenAbsent) => attributes.TryGetValue(name, out var attribute)
        ? attribute.Value is T value ? value : throw new InvalidDataException($"Attribute '{name}' of node {this} holds {attribute.Value?.GetType().Name ?? "a graph or type"}, expected {typeof(T).Name}.")
        : whenAbsent;
}
