namespace LampQ.Onnx;

/// <summary>A rule of the set "relevance": what arrives at an output is shared out among the inputs and, as far as the rule says, kept in sum.</summary>
abstract class RelevanceRule : BackwardRule
{
    public sealed override string RuleSet => "relevance";

    /// <summary>R/z, 0 where z = 0, |z| at least 1e-9.</summary>
    protected static Value Share(GraphEmitter emit, Value relevance, Value z)
    {
        const double Least = 1e-9;
        var zero = emit.Equal(z, emit.Number(0, z.Type));
        var small = emit.Less(emit.Map("Abs", z), Least);
        var floor = emit.Where(emit.Less(z, 0), emit.Number(-Least, z.Type), emit.Number(Least, z.Type));
        return emit.ZeroWhere(zero, emit.Div(relevance, emit.Where(small, floor, z)));
    }

    /// <summary>x⁺ and x⁻, x = x⁺ + x⁻.</summary>
    protected static (Value Positive, Value Negative) Signs(GraphEmitter emit, Value x)
    {
        var positive = emit.Map("Relu", x);
        return (positive, emit.Sub(x, positive));
    }
}
