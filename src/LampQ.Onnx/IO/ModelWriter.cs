using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx;

/// <summary>Writes ONNX files and bytes: nodes in topological order, weights inside the file.</summary>
public static class ModelWriter
{
    /// <summary>Writes the model to a file, all weights inside. The file appears whole or not at all: it is written beside its place and moved there.</summary>
    /// <exception cref="IOException">The folder does not exist or cannot be written.</exception>
    /// <exception cref="NotSupportedException">The model is over the 2 GB that one protobuf file may have.</exception>
    public static void Write(Model model, string path)
    {
        string full = Path.GetFullPath(path), temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = File.Create(temporary))
                ToProto(model).WriteTo(stream);
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>The content of the .onnx file that <see cref="Write"/> would write.</summary>
    /// <exception cref="NotSupportedException">The model is over the 2 GB that one protobuf file may have.</exception>
    public static byte[] ToBytes(Model model) => ToProto(model).ToByteArray();

    static ModelProto ToProto(Model model)
    {
        long weights = model.Graph.Initializers.Sum(v => (long)v.Initializer!.Bytes.Length);
        if (weights > int.MaxValue - (64 << 20))
            throw new NotSupportedException($"The weights take {weights:N0} bytes; one ONNX file can hold 2 GB. Models of that size are not supported.");
        model.Graph.Sort();
        var proto = (model.Carried as ModelProto)?.Clone() ?? new ModelProto();
        proto.IrVersion = model.IrVersion;
        proto.ProducerName = model.ProducerName;
        proto.ProducerVersion = model.ProducerVersion;
        foreach (var (domain, version) in model.Opsets)
            proto.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
        foreach (var (key, value) in model.Metadata)
            proto.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        proto.Graph = ToProto(model.Graph);
        return proto;
    }

    static GraphProto ToProto(Graph graph)
    {
        var proto = (graph.Carried as GraphProto)?.Clone() ?? new GraphProto();
        proto.Name = graph.Name.Length > 0 ? graph.Name : "graph";
        proto.Input.AddRange(graph.Inputs.Concat(graph.Initializers.Where(v => v.IsOverridable)).Select(ToProto));
        proto.Output.AddRange(graph.Outputs.Select(ToProto));
        proto.Initializer.AddRange(graph.Initializers.Select(v => TensorProtos.Write(v.Name, v.Initializer!, v.Carried as TensorProto)));
        proto.Node.AddRange(graph.Nodes.Select(ToProto));
        proto.ValueInfo.AddRange(graph.Values
            .Where(v => v is { IsGraphInput: false, IsGraphOutput: false, Initializer: null } && (v.Type != ElementType.Undefined || v.Carried is not null))
            .Select(ToProto));
        return proto;
    }

    static NodeProto ToProto(Node node)
    {
        var proto = (node.Carried as NodeProto)?.Clone() ?? new NodeProto();
        proto.OpType = node.OpType;
        if (node.Name.Length > 0)
            proto.Name = node.Name;
        if (node.Domain.Length > 0)
            proto.Domain = node.Domain;
        proto.Input.AddRange(node.Inputs.Select(v => v?.Name ?? ""));
        proto.Output.AddRange(node.Outputs.Select(v => v?.Name ?? ""));
        proto.Attribute.AddRange(node.Attributes.Select(ToProto));
        return proto;
    }

    static AttributeProto ToProto(Attribute attribute)
    {
        var proto = (attribute.Carried as AttributeProto)?.Clone() ?? new AttributeProto { Name = attribute.Name };
        if (attribute.Value is Tensor tensor)
        {
            proto.Type = AttributeProto.Types.AttributeType.Tensor;
            proto.T = TensorProtos.Write("", tensor);
        }
        if (attribute.Carried is not null)
            return proto;
        switch (attribute.Value)
        {
            case long i: (proto.Type, proto.I) = (AttributeProto.Types.AttributeType.Int, i); break;
            case float f: (proto.Type, proto.F) = (AttributeProto.Types.AttributeType.Float, f); break;
            case string s: (proto.Type, proto.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(s)); break;
            case long[] ints: proto.Type = AttributeProto.Types.AttributeType.Ints; proto.Ints.AddRange(ints); break;
            case float[] floats: proto.Type = AttributeProto.Types.AttributeType.Floats; proto.Floats.AddRange(floats); break;
            case string[] strings: proto.Type = AttributeProto.Types.AttributeType.Strings; proto.Strings.AddRange(strings.Select(ByteString.CopyFromUtf8)); break;
        }
        return proto;
    }

    static ValueInfoProto ToProto(Value value)
    {
        var proto = (value.Carried as ValueInfoProto)?.Clone() ?? new ValueInfoProto();
        proto.Name = value.Name;
        if (value.Type == ElementType.Undefined)
            return proto;
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)value.Type };
        if (value.Shape is { } shape)
        {
            tensor.Shape = new TensorShapeProto();
            foreach (var dimension in shape)
            {
                var dim = new TensorShapeProto.Types.Dimension();
                if (dimension.Size is { } size)
                    dim.DimValue = size;
                else if (dimension.Symbol is { } symbol)
                    dim.DimParam = symbol;
                tensor.Shape.Dim.Add(dim);
            }
        }
        (proto.Type ??= new TypeProto()).TensorType = tensor;
        return proto;
    }
}
