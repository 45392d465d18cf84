namespace LampQ.Onnx;

/// <summary>An ONNX model: a graph, the operator sets it is written in, and what is said about it.</summary>
public sealed class Model
{
    readonly SortedDictionary<string, long> opsets = new(StringComparer.Ordinal);

    internal Model(Graph graph) => Graph = graph;

    /// <summary>The graph.</summary>
    public Graph Graph { get; }

    /// <summary>Version of the file format (IR version).</summary>
    public long IrVersion { get; set; }

    /// <summary>Operator set versions by domain; the domain of ONNX itself is "".</summary>
    public IDictionary<string, long> Opsets => opsets;

    /// <summary>Version of ONNX's own operator set.</summary>
    public long Opset
    {
        get => opsets.GetValueOrDefault("");
        set => opsets[""] = value;
    }

    /// <summary>The tool that wrote the model.</summary>
    public string ProducerName { get; set; } = "";

    /// <summary>Version of that tool.</summary>
    public string ProducerVersion { get; set; } = "";

    /// <summary>Free properties of the model (metadata_props).</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What the reader saw, so that parts LampQ does not know survive; only IO looks inside.</summary>
    internal object? Carried { get; set; }

    /// <summary>True where the file it was read from has tensors in other files beside it.</summary>
    public bool HasExternalData { get; internal set; }

    /// <summary>An empty model.</summary>
    /// <param name="opset">Version of ONNX's operator set.</param>
    /// <param name="name">Name of the graph.</param>
    public static Model Create(long opset, string name = "graph") =>
        new(new Graph(name)) { Opset = opset, IrVersion = Math.Max(8, IrVersions.For(opset)), ProducerName = "LampQ" };

    /// <inheritdoc cref="ModelReader.Read(string)"/>
    public static Model Read(string path) => ModelReader.Read(path);

    /// <inheritdoc cref="ModelReader.Read(ReadOnlyMemory{byte}, string)"/>
    public static Model Read(ReadOnlyMemory<byte> bytes) => ModelReader.Read(bytes);

    /// <inheritdoc cref="ModelWriter.Write"/>
    public void Write(string path) => ModelWriter.Write(this, path);

    /// <inheritdoc cref="ModelWriter.ToBytes"/>
    public byte[] ToBytes() => ModelWriter.ToBytes(this);

    /// <summary>An independent copy; tensors, being immutable, are shared.</summary>
    public Model Clone()
    {
        var copy = new Model(new Graph(Graph.Name) { Carried = Graph.Carried })
        {
            IrVersion = IrVersion,
            ProducerName = ProducerName,
            ProducerVersion = ProducerVersion,
            Carried = Carried,
            HasExternalData = HasExternalData,
        };
        foreach (var (domain, version) in Opsets)
            copy.Opsets[domain] = version;
        foreach (var (key, value) in Metadata)
            copy.Metadata[key] = value;
        foreach (var value in Graph.Values)
        {
            var twin = copy.Graph.Add(value.Name);
            (twin.Type, twin.Shape, twin.Initializer) = (value.Type, value.Shape, value.Initializer);
            (twin.IsCaptured, twin.IsOverridable, twin.Carried) = (value.IsCaptured, value.IsOverridable, value.Carried);
        }
        foreach (var input in Graph.Inputs)
            copy.Graph.AddExistingInput(copy.Graph.Find(input.Name)!);
        foreach (var node in Graph.Nodes)
        {
            var twin = copy.Graph.AddEmpty(node.OpType, node.Domain, node.Name);
            twin.Carried = node.Carried;
            for (int i = 0; i < node.Inputs.Count; i++)
                twin.SetInput(i, node.Inputs[i] is { } input ? copy.Graph.Find(input.Name) : null);
            foreach (var output in node.Outputs)
                twin.AddOutput(output is null ? null : copy.Graph.Find(output.Name));
            foreach (var attribute in node.Attributes)
                twin.Add(attribute);
        }
        foreach (var output in Graph.Outputs)
            copy.Graph.AddOutput(copy.Graph.Find(output.Name)!);
        return copy;
    }
}
