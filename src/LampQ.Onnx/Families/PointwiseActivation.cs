namespace LampQ.Onnx;

/// <summary>An activation function found in a graph.</summary>
/// <param name="Function">Which.</param>
/// <param name="Output">The value that holds it.</param>
/// <param name="Nodes">The operators it is written with.</param>
public sealed record FoundActivation(ActivationFunction Function, Value Output, IReadOnlyList<Node> Nodes);

/// <summary>Activation functions of Vision Transformers.</summary>
public enum ActivationFunction
{
    /// <summary>v·Φ(v), with Φ the standard normal distribution.</summary>
    Gelu,
    /// <summary>½·v·(1 + tanh(√(2/π)·(v + .044715·v³))).</summary>
    GeluTanh,
    /// <summary>v/(1 + exp(−1.702·v)).</summary>
    QuickGelu,
    /// <summary>max(v, 0).</summary>
    Relu,
}

/// <summary>
/// Finds the activation behind a value by what it computes, not by how it is spelled: the scalar function of the pointwise operators between two values is
/// evaluated at 241 points from −12 to 12 and compared with each known function.
/// </summary>
/// <remarks>The two GELUs differ by 5e-4, float constants move a function by 1e-6 at most, and a composition of a dozen pointwise operators that agrees at all points is the function.</remarks>
public static class PointwiseActivation
{
    const double tolerance = 3e-6;
    const int largestSpelling = 16;

    /// <summary>The activation that everything behind <paramref name="value"/> goes through, or null.</summary>
    public static FoundActivation? Behind(Value value)
    {
        if (value.IsGraphOutput || value.IsCaptured)
            return null;
        var region = new List<Node>();
        var inside = new HashSet<Value> { value };
        while (region.Count < largestSpelling)
        {
            // The next operator whose operands are all known; each value has few uses, so the search is short.
            var next = inside.SelectMany(v => v.Uses).Select(u => u.Node).FirstOrDefault(n => !region.Contains(n) && IsPointwise(n) && n.Inputs.All(i => i is null || inside.Contains(i) || Scalar(i) is not null));
            if (next is null)
                return null;
            region.Add(next);
            inside.Add(next.Output);
            if (!inside.All(v => v == next.Output || !v.IsGraphOutput && !v.IsCaptured && v.Uses.All(u => region.Contains(u.Node))))
                continue;
            foreach (var function in Enum.GetValues<ActivationFunction>())
                if (Enumerable.Range(-120, 241).All(i => Math.Abs(Evaluate(region, value, i / 10.0) - Known(function, i / 10.0)) <= tolerance * Math.Max(1, Math.Abs(i / 10.0))))
                    return new FoundActivation(function, next.Output, region);
        }
        return null;
    }

    static bool IsPointwise(Node node) => node.Outputs.Count == 1 && node.Is("Mul", "Add", "Div", "Sub", "Pow", "Erf", "Tanh", "Sigmoid", "Gelu", "Relu", "Neg", "Exp", "Reciprocal");

    static double? Scalar(Value value) => value.Constant is { Count: 1 } tensor && tensor.Type is ElementType.Float or ElementType.Int64 or ElementType.Int32 or ElementType.Double
        ? value.Constant.ToFloats()[0] : null;

    static double Evaluate(List<Node> region, Value input, double at)
    {
        var values = new Dictionary<Value, double> { [input] = at };
        foreach (var node in region)
        {
            double Operand(int i) => values.TryGetValue(node.Input(i)!, out double known) ? known : Scalar(node.Input(i)!)!.Value;
            double x = Operand(0);
            values[node.Output] = node.OpType switch
            {
                "Mul" => x * Operand(1),
                "Add" => x + Operand(1),
                "Div" => x / Operand(1),
                "Sub" => x - Operand(1),
                "Pow" => Math.Pow(x, Operand(1)),
                "Erf" => 2 * Normal(x * Math.Sqrt(2)) - 1,
                "Tanh" => Math.Tanh(x),
                "Sigmoid" => 1 / (1 + Math.Exp(-x)),
                "Gelu" => Known(node.String("approximate", "none") == "tanh" ? ActivationFunction.GeluTanh : ActivationFunction.Gelu, x),
                "Relu" => Math.Max(x, 0),
                "Neg" => -x,
                "Exp" => Math.Exp(x),
                _ => 1 / x,
            };
        }
        return values[region[^1].Output];
    }

    static double Known(ActivationFunction function, double v) => function switch
    {
        ActivationFunction.Gelu => v * Normal(v),
        ActivationFunction.GeluTanh => .5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + .044715 * v * v * v))),
        ActivationFunction.QuickGelu => v / (1 + Math.Exp(-1.702 * v)),
        _ => Math.Max(v, 0),
    };

    /// <summary>Φ(v) = ½ + φ(v)·(v + v³/3 + v⁵/(3·5) + …), Marsaglia's series, good to 1e-15 here.</summary>
    static double Normal(double v)
    {
        if (Math.Abs(v) > 8)
            return v > 0 ? 1 : 0;
        double sum = v, term = v, before = 0;
        for (int i = 3; sum != before; i += 2)
            (before, sum) = (sum, sum + (term *= v * v / i));
        return .5 + sum * Math.Exp(-.5 * v * v) / Math.Sqrt(2 * Math.PI);
    }
}
