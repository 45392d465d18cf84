using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A node while its kernel is made: attributes and constant inputs.</summary>
readonly unsafe struct NodeInfo(OrtApi api, nint node)
{
    /// <summary>Name of the node; may be empty.</summary>
    public string Name => api.NodeName(node);

    /// <summary>Whether the node has this input.</summary>
    public bool Has(int input) => input < api.NodeInputCount(node) && api.NodeInputName(node, input).Length > 0;

    /// <summary>The initializer at an input; it lives, at this address, as long as the session.</summary>
    /// <param name="input">Position of the input.</param>
    /// <param name="what">What the operator calls it, for the message.</param>
    /// <exception cref="InvalidDataException">The input is computed by the graph, or the caller may replace it.</exception>
    public TensorView Constant(int input, string what)
    {
        nint value = Has(input) ? api.NodeConstant(node, input) : 0;
        return value != 0
            ? TensorView.Of(api, value)
            : throw new InvalidDataException($"{what} (input {input}) is not a constant. Make it an initializer that is no graph input.");
    }

    public int Integer(string name) => api.TryAttribute(node, name, out long value) ? Int32(name, value) : throw Missing(name);

    public int Integer(string name, int whenAbsent) => api.TryAttribute(node, name, out long value) ? Int32(name, value) : whenAbsent;

    public float Float(string name) => api.TryAttribute(node, name, out float value) ? value : throw Missing(name);

    public float Float(string name, float whenAbsent) => api.TryAttribute(node, name, out float value) ? value : whenAbsent;

    public string Text(string name) => api.TryAttribute(node, name, out string value) ? value : throw Missing(name);

    public string Text(string name, string whenAbsent) => api.TryAttribute(node, name, out string value) ? value : whenAbsent;

    public float[] Floats(string name) => api.TryAttribute(node, name, out float[] value) ? value : throw Missing(name);

    public float[]? Floats(string name, float[]? whenAbsent) => api.TryAttribute(node, name, out float[] value) ? value : whenAbsent;

    public long[] Integers(string name) => api.TryAttribute(node, name, out long[] value) ? value : throw Missing(name);

    static int Int32(string name, long value) => value is >= int.MinValue and <= int.MaxValue
        ? (int)value
        : throw new InvalidDataException($"The attribute '{name}' is {value}, which 32 bits do not hold.");

    static InvalidDataException Missing(string name) => new($"The attribute '{name}' is missing.");
}
