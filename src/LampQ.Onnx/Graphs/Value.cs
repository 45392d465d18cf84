namespace LampQ.Onnx;

/// <summary>A place where a value is used: input number <paramref name="Index"/> of <paramref name="Node"/>.</summary>
public readonly record struct Use(Node Node, int Index);

/// <summary>A named value of a graph: a graph input, an initializer, or an output of a node.</summary>
public sealed class Value
{
    readonly List<Use> uses = [];

    internal Value(string name) => Name = name;

    /// <summary>Name, unique in the graph.</summary>
    public string Name { get; internal set; }

    /// <summary>Element type, <see cref="ElementType.Undefined"/> when neither stated nor inferred.</summary>
    public ElementType Type { get; set; }

    /// <summary>The dimensions, or null when not even the rank is known.</summary>
    public IReadOnlyList<Dimension>? Shape { get; set; }

    /// <summary>The node that computes the value; null for graph inputs and initializers.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Every place where a node uses the value, in no particular order.</summary>
    public IReadOnlyList<Use> Uses => uses;

    /// <summary>The value itself where it is an initializer or the output of a Constant node.</summary>
    public Tensor? Constant => Initializer ?? Producer?.ConstantValue;

    /// <summary>The tensor of an initializer; null for everything else.</summary>
    public Tensor? Initializer { get; internal set; }

    /// <summary>True for a value that the caller of the model must provide.</summary>
    public bool IsGraphInput { get; internal set; }

    /// <summary>True for a value that the model returns.</summary>
    public bool IsGraphOutput { get; internal set; }

    /// <summary>True when a subgraph (If, Loop, Scan) uses the value by name: it must keep its name and stay.</summary>
    public bool IsCaptured { get; internal set; }

    /// <summary>True for an initializer that the file also lists among the inputs, so that a caller may override it (a habit of old exporters).</summary>
    public bool IsOverridable { get; internal set; }

    /// <summary>True when nothing uses the value and the model does not return it.</summary>
    public bool IsUnused => uses.Count == 0 && !IsGraphOutput && !IsCaptured;

    /// <summary>The only node that uses the value; null when there are several, none, or when the model returns it.</summary>
    public Node? OnlyConsumer => uses.Count == 1 && !IsGraphOutput && !IsCaptured ? uses[0].Node : null;

    /// <summary>What the reader saw, so that parts LampQ does not know survive; only IO looks inside.</summary>
    internal object? Carried { get; set; }

    /// <summary>Name, type and shape, "x: Float[batch,3]".</summary>
    public override string ToString() =>
        $"{Name}: {Type}{(Shape is null ? "" : $"[{string.Join(",", Shape)}]")}";

    internal void AddUse(Node node, int index) => uses.Add(new Use(node, index));

    internal void RemoveUse(Node node, int index) => uses.Remove(new Use(node, index));
}
