using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx;

/// <summary>Checks an ONNX file as it is written, before the reader puts nodes in order: order, names, definitions, sizes.</summary>
static class FileCheck
{
    public static List<Problem> Check(ReadOnlyMemory<byte> bytes)
    {
        var problems = new List<Problem>();
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            problems.Add(new(ProblemKind.File, $"The bytes cannot be parsed as protobuf: {e.Message}"));
            return problems;
        }
        if (proto.Graph is null)
        {
            problems.Add(new(ProblemKind.File, "The file holds no graph."));
            return problems;
        }
        CheckHeader(proto, problems);
        var graph = proto.Graph;
        if (graph.Name.Length == 0)
            problems.Add(new(ProblemKind.Name, "The graph has no name."));
        foreach (var initializer in graph.Initializer)
            CheckSize(initializer, problems);
        CheckNodes(graph, problems);
        return problems;
    }

    static void CheckHeader(ModelProto proto, List<Problem> problems)
    {
        if (proto.OpsetImport.Count == 0)
            problems.Add(new(ProblemKind.Opset, "The model imports no operator set."));
        foreach (var twice in proto.OpsetImport.GroupBy(o => o.Domain == "ai.onnx" ? "" : o.Domain).Where(g => g.Count() > 1))
            problems.Add(new(ProblemKind.Opset, $"The operator set of the domain '{(twice.Key.Length > 0 ? twice.Key : "ai.onnx")}' is imported {twice.Count()} times."));
        foreach (var twice in proto.MetadataProps.GroupBy(p => p.Key).Where(g => g.Count() > 1 || g.Key.Length == 0))
            problems.Add(new(ProblemKind.Metadata, twice.Key.Length == 0 ? "A metadata key is empty." : $"The metadata key '{twice.Key}' is there {twice.Count()} times."));
    }

    static void CheckNodes(GraphProto graph, List<Problem> problems)
    {
        var computedLater = new HashSet<string>(graph.Node.SelectMany(n => n.Output));
        var defined = new HashSet<string>();
        void Define(string name, string where)
        {
            if (name.Length == 0)
                problems.Add(new(ProblemKind.Name, $"{where} has no name."));
            else if (!defined.Add(name))
                problems.Add(new(ProblemKind.Definition, $"Value '{name}' is defined twice, the second time by {where}."));
        }

        foreach (var initializer in graph.Initializer)
            Define(initializer.Name, "an initializer");
        foreach (var sparse in graph.SparseInitializer)
            Define(sparse.Values.Name, "a sparse initializer");
        var initialized = new HashSet<string>(defined);
        foreach (var input in graph.Input)
        {
            // An initializer may stand among the inputs too: it is then the input's default.
            if (!initialized.Remove(input.Name))
                Define(input.Name, "an input");
            if (input.Type?.TensorType is { ElemType: 0 } or null && input.Type?.SequenceType is null)
                problems.Add(new(ProblemKind.Type, $"Input '{input.Name}' has no element type."));
        }

        var nodeNames = new HashSet<string>();
        foreach (var node in graph.Node)
        {
            string where = $"node '{(node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault())}' ({node.OpType})";
            if (node.OpType.Length == 0)
                problems.Add(new(ProblemKind.Operator, $"A {where} names no operator."));
            if (node.Name.Length > 0 && !nodeNames.Add(node.Name))
                problems.Add(new(ProblemKind.Name, $"Two nodes have the name '{node.Name}'."));
            foreach (string input in node.Input.Where(i => i.Length > 0 && !defined.Contains(i)))
                problems.Add(computedLater.Contains(input)
                    ? new(ProblemKind.Order, $"The {where} uses '{input}' before it is computed.")
                    : new(ProblemKind.Definition, $"The {where} uses '{input}', which is neither an input, an initializer nor the output of a node."));
            foreach (var twice in node.Attribute.GroupBy(a => a.Name).Where(g => g.Count() > 1 || g.Key.Length == 0))
                problems.Add(new(ProblemKind.Attribute, $"The {where} has the attribute '{twice.Key}' {twice.Count()} times."));
            if (node.Output.All(o => o.Length == 0))
                problems.Add(new(ProblemKind.Operator, $"The {where} has no output."));
            foreach (string output in node.Output.Where(o => o.Length > 0))
                Define(output, where);
        }

        if (graph.Output.Count == 0)
            problems.Add(new(ProblemKind.Definition, "The model returns nothing."));
        foreach (var output in graph.Output)
            if (!defined.Contains(output.Name))
                problems.Add(new(ProblemKind.Definition, $"The model returns '{output.Name}', which no node computes."));
        foreach (var twice in graph.Output.GroupBy(o => o.Name).Where(g => g.Count() > 1))
            problems.Add(new(ProblemKind.Name, $"The model returns '{twice.Key}' {twice.Count()} times."));
        foreach (var twice in graph.ValueInfo.GroupBy(o => o.Name).Where(g => g.Count() > 1))
            problems.Add(new(ProblemKind.Name, $"The value '{twice.Key}' is described {twice.Count()} times."));
    }

    static void CheckSize(TensorProto tensor, List<Problem> problems)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            return;
        try
        {
            TensorProtos.Read(tensor, _ => default);
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException or OverflowException)
        {
            problems.Add(new(ProblemKind.Tensor, e.Message));
        }
    }
}
