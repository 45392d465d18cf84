using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A LayerNormalization of the quantized graph, with nothing rounded inside of it.</summary>
/// <param name="Name">Name for reports and new values.</param>
/// <param name="Input">What it reads, dequantized where the graph quantizes its input.</param>
/// <param name="Output">What it returns.</param>
/// <param name="Gamma">γ [D].</param>
/// <param name="Beta">β [D]; null when there is none.</param>
/// <param name="Epsilon">ε.</param>
sealed record NormSite(string Name, Value Input, Value Output, Value Gamma, Value? Beta, float Epsilon)
{
    /// <summary>The norm of the float view in the quantized graph; null where the graph rounds between its operators.</summary>
    public static NormSite? Of(LayerNorm norm, Graph graph)
    {
        if (graph.Find(norm.Output.Name) is not { Producer: { } last } output || Vector(norm.Gamma, graph) is not { } gamma)
            return null;
        Value? beta = null;
        if (norm.Beta is not null && (beta = Vector(norm.Beta, graph)) is null)
            return null;
        string name = last.Name.Length > 0 ? last.Name : output.Name;
        if (last.Is("LayerNormalization"))
            return new(name, last.Input(0)!, output, gamma, beta, last.Float("epsilon", 1e-5f));

        // Spelled out: everything between output and input, of which only the input may be dequantized.
        Value? input = null;
        float? epsilon = null;
        var seen = new HashSet<Value>();
        var open = new Stack<Value>([output]);
        while (open.TryPop(out var value))
        {
            if (!seen.Add(value) || value.Constant is not null || value.Producer is { } constant && constant.Is("DequantizeLinear") && constant.Input(0)?.Constant is not null)
                continue;
            if (value.Name == norm.Input.Name || QdqActivation.Match(value) is not null)
            {
                if (input is not null && input != value || value.Name != norm.Input.Name && QdqActivation.Match(value)!.Source.Name != norm.Input.Name)
                    return null;
                input = value;
                continue;
            }
            if (value.Producer is not { } node)
                return null;
            if (node.Is("Sqrt", "Pow") && node.Input(0)?.Producer is { } add && add.Is("Add") && (add.Input(0)!.Constant ?? add.Input(1)!.Constant) is { Count: 1, Type: ElementType.Float } added)
                epsilon = added.ToFloats()[0];
            foreach (var operand in node.Inputs)
                if (operand is not null)
                    open.Push(operand);
        }
        return input is null || epsilon is null ? null : new(name, input, output, gamma, beta, epsilon.Value);
    }

    /// <summary>γ or β as a vector of the graph; the float view may hold the dequantized one.</summary>
    static Value? Vector(Value vector, Graph graph) =>
        graph.Find(vector.Name) is { Constant: { Rank: 1, Type: ElementType.Float } } own ? own
        : vector.Constant is { Type: ElementType.Float } known ? graph.AddInitializer(vector.Name + ".vector", known.Reshape(known.Count)) : null;
}
