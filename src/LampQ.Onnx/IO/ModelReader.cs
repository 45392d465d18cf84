using System.Globalization;
using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx;

/// <summary>Reads ONNX files and bytes. What LampQ does not know (unknown fields, functions, subgraphs) is kept for the writer.</summary>
public static class ModelReader
{
    /// <summary>Reads a model file together with its external data, which must lie in the model's own folder.</summary>
    /// <exception cref="FileNotFoundException">The file, or a file of external data, does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is empty, cut short, not ONNX, or contradicts itself.</exception>
    public static Model Read(string path)
    {
        if (Directory.Exists(path))
            throw new FileNotFoundException($"'{path}' is a folder; give the path of an .onnx file.", path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"The model file '{path}' does not exist.", path);
        try
        {
            return Read(File.ReadAllBytes(path), Path.GetDirectoryName(Path.GetFullPath(path)));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"'{path}': {e.Message}", e);
        }
    }

    /// <summary>Reads a model from bytes.</summary>
    /// <param name="bytes">The content of an .onnx file.</param>
    /// <param name="folder">Where external data lies; null when there is none.</param>
    /// <exception cref="InvalidDataException">The bytes are empty, cut short, not ONNX, or contradict themselves.</exception>
    public static Model Read(ReadOnlyMemory<byte> bytes, string? folder = null)
    {
        if (bytes.IsEmpty)
            throw new InvalidDataException("The file is empty; an ONNX model is expected.");
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException("This is not a complete ONNX model (it cannot be parsed as protobuf). The file is cut short, or is something else; export or copy it again.", e);
        }
        if (proto.Graph is null || proto.OpsetImport.Count == 0)
            throw new InvalidDataException("This is not an ONNX model: it has no graph or names no operator set.");
        return new GraphReader(folder).Read(proto);
    }

    sealed class GraphReader(string? folder)
    {
        readonly Dictionary<string, ReadOnlyMemory<byte>> externalFiles = [];

        public Model Read(ModelProto proto)
        {
            var model = new Model(new Graph(proto.Graph.Name))
            {
                IrVersion = proto.IrVersion,
                ProducerName = proto.ProducerName,
                ProducerVersion = proto.ProducerVersion,
            };
            foreach (var opset in proto.OpsetImport)
                model.Opsets[opset.Domain == "ai.onnx" ? "" : opset.Domain] = opset.Version;
            foreach (var property in proto.MetadataProps)
                model.Metadata[property.Key] = property.Value;
            Read(proto.Graph, model.Graph);

            proto.Graph = null;
            proto.OpsetImport.Clear();
            proto.MetadataProps.Clear();
            model.Carried = proto;
            model.HasExternalData = externalFiles.Count > 0;
            return model;
        }

        void Read(GraphProto proto, Graph graph)
        {
            foreach (var initializer in proto.Initializer)
            {
                var value = graph.Add(initializer.Name);
                graph.SetInitializer(value, TensorProtos.Read(initializer, External));
                value.Carried = TensorProtos.Shell(initializer);
            }
            foreach (var input in proto.Input)
                if (graph.Find(input.Name) is { Initializer: not null } overridable)
                    overridable.IsOverridable = true;
                else
                {
                    var value = graph.Add(input.Name);
                    Describe(value, input);
                    graph.AddExistingInput(value);
                }

            foreach (var nodeProto in proto.Node)
            {
                var node = graph.AddEmpty(nodeProto.OpType, nodeProto.Domain, nodeProto.Name);
                for (int i = 0; i < nodeProto.Input.Count; i++)
                    node.SetInput(i, nodeProto.Input[i].Length == 0 ? null : graph.GetOrAdd(nodeProto.Input[i]));
                foreach (string output in nodeProto.Output)
                {
                    var value = output.Length == 0 ? null : graph.GetOrAdd(output);
                    if (value is not null && (value.Producer is not null || value.IsGraphInput || value.Initializer is not null))
                        throw new InvalidDataException($"Value '{output}' is defined twice, the second time by node {node}.");
                    node.AddOutput(value);
                }
                foreach (var attribute in nodeProto.Attribute)
                    node.Add(Read(attribute));
                nodeProto.Input.Clear();
                nodeProto.Output.Clear();
                nodeProto.Attribute.Clear();
                node.Carried = nodeProto;
            }

            foreach (var info in proto.ValueInfo)
                if (graph.Find(info.Name) is { Initializer: null } value)
                    Describe(value, info);
            foreach (var info in proto.Output)
            {
                var value = graph.Find(info.Name) ?? throw new InvalidDataException($"The model returns '{info.Name}', which no node computes.");
                if (value.Initializer is null)
                    Describe(value, info);
                graph.AddOutput(value);
            }
            foreach (string name in graph.Nodes.SelectMany(n => n.Attributes).SelectMany(a => a.CapturedNames))
                if (graph.Find(name) is { } captured)
                    captured.IsCaptured = true;
            foreach (var value in graph.Values)
                if (value.Producer is null && value.Initializer is null && !value.IsGraphInput && !proto.SparseInitializer.Any(s => s.Values.Name == value.Name))
                    throw new InvalidDataException($"Node {value.Uses[0].Node} uses '{value.Name}', which is neither an input, an initializer nor the output of a node.");
            graph.Sort();

            proto.Node.Clear();
            proto.Initializer.Clear();
            proto.Input.Clear();
            proto.Output.Clear();
            proto.ValueInfo.Clear();
            graph.Carried = proto;
        }

        static void Describe(Value value, ValueInfoProto info)
        {
            value.Carried = info;
            if (info.Type?.TensorType is not { } tensor)
                return;
            value.Type = (ElementType)tensor.ElemType;
            value.Shape = tensor.Shape is null ? null : [.. tensor.Shape.Dim.Select(d =>
                d.HasDimValue && d.DimValue >= 0 ? new Dimension(d.DimValue) : d.HasDimParam && d.DimParam.Length > 0 ? new Dimension(null, d.DimParam) : default)];
        }

        Attribute Read(AttributeProto proto)
        {
            object? value = proto.Type switch
            {
                AttributeProto.Types.AttributeType.Float => proto.F,
                AttributeProto.Types.AttributeType.Int => proto.I,
                AttributeProto.Types.AttributeType.String => proto.S.ToStringUtf8(),
                AttributeProto.Types.AttributeType.Tensor => proto.T is { } t ? TensorProtos.Read(t, External) : throw new InvalidDataException($"Attribute '{proto.Name}' says it holds a tensor, but holds none."),
                AttributeProto.Types.AttributeType.Floats => proto.Floats.ToArray(),
                AttributeProto.Types.AttributeType.Ints => proto.Ints.ToArray(),
                AttributeProto.Types.AttributeType.Strings => proto.Strings.Select(s => s.ToStringUtf8()).ToArray(),
                _ => null,
            };
            var captured = new List<string>();
            foreach (var subgraph in proto.G is null ? proto.Graphs : proto.Graphs.Prepend(proto.G))
                Capture(subgraph, captured);
            if (proto.T is not null)
                proto.T = null;
            return new Attribute(proto.Name, value) { Carried = proto, CapturedNames = captured, IsSubgraph = proto.G is not null || proto.Graphs.Count > 0 };
        }

        static void Capture(GraphProto graph, List<string> captured)
        {
            var own = new HashSet<string>(graph.Input.Select(i => i.Name).Concat(graph.Initializer.Select(i => i.Name)).Concat(graph.Node.SelectMany(n => n.Output)));
            var inner = new List<string>(graph.Node.SelectMany(n => n.Input).Concat(graph.Output.Select(o => o.Name)));
            foreach (var subgraph in graph.Node.SelectMany(n => n.Attribute).SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Prepend(a.G)))
                Capture(subgraph, inner);
            captured.AddRange(inner.Where(name => name.Length > 0 && !own.Contains(name)).Distinct());
        }

        ReadOnlyMemory<byte> External(TensorProto tensor)
        {
            string Entry(string key) => tensor.ExternalData.FirstOrDefault(e => e.Key == key)?.Value ?? "";
            string location = Entry("location");
            if (folder is null)
                throw new InvalidDataException($"Tensor '{tensor.Name}' lies in the external file '{location}'; read the model from its file, not from bytes.");
            // A model must not reach outside its folder: a file from elsewhere could be read into what it exports.
            string root = Path.GetFullPath(folder), path = Path.GetFullPath(Path.Combine(root, location));
            if (location.Length == 0 || Path.IsPathRooted(location) || Path.GetRelativePath(root, path).StartsWith("..", StringComparison.Ordinal))
                throw new InvalidDataException($"Tensor '{tensor.Name}' names the external file '{location}', which does not lie in the model's folder.");
            if (!externalFiles.TryGetValue(path, out var file))
            {
                if (!File.Exists(path))
                    throw new FileNotFoundException($"Tensor '{tensor.Name}' lies in the external file '{location}', which is missing beside the model. Copy both files together.", path);
                if (new FileInfo(path).Length is var size && size > Array.MaxLength)
                    throw new InvalidDataException($"Tensor '{tensor.Name}' lies in the external file '{location}', which has {size} bytes; up to {Array.MaxLength} can be read. Export the model with its weights in several files.");
                externalFiles[path] = file = File.ReadAllBytes(path);
            }
            bool offsetGood = long.TryParse(Entry("offset") is { Length: > 0 } o ? o : "0", CultureInfo.InvariantCulture, out long offset);
            bool lengthGood = long.TryParse(Entry("length") is { Length: > 0 } l ? l : (file.Length - offset).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture, out long length);
            if (!offsetGood || !lengthGood || offset < 0 || length < 0 || length > file.Length - offset)
                throw new InvalidDataException($"Tensor '{tensor.Name}' asks for {length} bytes from {offset} of '{location}', which has {file.Length}.");
            return file.Slice((int)offset, (int)length);
        }
    }
}
