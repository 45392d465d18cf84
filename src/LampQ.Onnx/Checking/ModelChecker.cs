namespace LampQ.Onnx;

/// <summary>
/// Checks a model against the ONNX specification and reports everything that is wrong: the file as it is written (order,
/// names, sizes), its operators (versions, inputs, attributes), its types and shapes, its quantization.
/// </summary>
/// <remarks>Nodes of other domains than ONNX's own are only checked for their opset import and their place in the graph.</remarks>
public static class ModelChecker
{
    /// <summary>Checks the file that would be written for the model.</summary>
    /// <returns>All problems; empty for a good model.</returns>
    public static IReadOnlyList<Problem> Check(Model model)
    {
        try
        {
            return Check(model.ToBytes());
        }
        catch (InvalidDataException e)
        {
            return [new Problem(ProblemKind.Order, e.Message)];
        }
    }

    /// <summary>Checks the content of an .onnx file.</summary>
    /// <param name="bytes">The content.</param>
    /// <param name="folder">Where external data lies; null when there is none.</param>
    /// <returns>All problems; empty for a good model.</returns>
    public static IReadOnlyList<Problem> Check(ReadOnlyMemory<byte> bytes, string? folder = null)
    {
        var problems = FileCheck.Check(bytes);
        Model model;
        try
        {
            model = ModelReader.Read(bytes, folder);
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException)
        {
            return problems.Count > 0 ? problems : [new Problem(ProblemKind.File, e.Message)];
        }
        CheckOpsets(model, problems);
        int before = problems.Count;
        foreach (var node in model.Graph.Nodes)
            if (node.Domain is "" or "ai.onnx" && model.Opset > 0)
                OperatorTable.Check(node, model.Opset, problems);
        CheckShapes(model, problems, attributesAreGood: problems.Count == before);
        foreach (var node in model.Graph.Nodes)
        {
            TypeCheck.Check(node, model.Opset, problems);
            QuantizationCheck.Check(node, model.Opset, problems);
        }
        return problems;
    }

    static void CheckOpsets(Model model, List<Problem> problems)
    {
        foreach (string domain in model.Graph.Nodes.Select(n => n.Domain == "ai.onnx" ? "" : n.Domain).Distinct())
            if (!model.Opsets.ContainsKey(domain))
                problems.Add(new(ProblemKind.Opset, $"Operators of the domain '{(domain.Length > 0 ? domain : "ai.onnx")}' are used, but no operator set of it is imported."));
        if (model.IrVersion < IrVersions.Accepted(model.Opset))
            problems.Add(new(ProblemKind.IrVersion, $"IR version {model.IrVersion} is older than opset {model.Opset}, which needs IR version {IrVersions.Accepted(model.Opset)}."));
    }

    static void CheckShapes(Model model, List<Problem> problems, bool attributesAreGood)
    {
        // Shape rules read attributes; where these are broken, what the rules say would only repeat it.
        if (!attributesAreGood)
            return;
        var inferred = ShapeInference.Walk(model);
        problems.AddRange(inferred.Contradictions.Select(text => new Problem(ProblemKind.Shape, text)));
        problems.AddRange(inferred.Overruled.Select(o => new Problem(o.IsType ? ProblemKind.Type : ProblemKind.Shape, $"Value '{o.Value.Name}': {o.Text}.")));
    }
}
