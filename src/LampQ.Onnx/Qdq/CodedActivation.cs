namespace LampQ.Onnx;

/// <summary>
/// A recognised activation with other than uniform codes: a formula of <see cref="LogQuantizer"/> or <see cref="TwinQuantizer"/> with constant parameters, read from the
/// graph that holds it. x̂ never falls as x grows.
/// </summary>
public abstract record CodedActivation
{
    /// <summary>The float value that is coded.</summary>
    public required Value Source { get; init; }

    /// <summary>x̂ of a value, by the graph's own operators and numbers.</summary>
    public abstract float Apply(float x);

    /// <summary>The formula behind a value; null where it is none, or one whose values do not grow with x or are not constant.</summary>
    public static CodedActivation? Match(Value value) => (CodedActivation?)LogFormula.Match(value) ?? TwinFormula.Match(value);

    /// <summary>The float value that a formula of <see cref="LogQuantizer"/> or <see cref="TwinQuantizer"/> rounds; null where a value is no such formula.</summary>
    public static Value? SourceOf(Value value) => LogSource(value)?.Source ?? TwinSource(value)?.Source;

    /// <summary>The integers of a weight that is written as Cast → Sub of its zero points, if any → Mul by its scales; null for anything else.</summary>
    public static Value? FoldedWeight(Value value) =>
        Through(value, "Mul") is { } steps && value.Producer!.Input(1)?.Constant is not null
        && Through(Through(steps, "Sub") is { } shifted && steps.Producer!.Input(1)?.Constant is not null ? shifted : steps, "Cast") is { Constant: { Rank: >= 2 } stored } codes && stored.Type.IsInteger() ? codes : null;

    /// <summary>Operators of the formula that read <see cref="Source"/> itself.</summary>
    public required IReadOnlyList<Node> Readers { get; init; }

    static readonly string[] logSteps = ["Cast", "Round", "Add", "Mul", "Log", "Clip"], regionSteps = ["Mul", "Clip", "Round", "Div"];

    /// <summary>The source and the operators of a logarithm, last one first.</summary>
    static (Value Source, Node[] Nodes)? LogSource(Value value)
    {
        if (value.Producer is not { } gather || !gather.Is("Gather") || gather.Input(0)?.Constant is not { Rank: 1 } || gather.Input(1) is not { } at)
            return null;
        List<Node> nodes = [gather];
        if (!Follow(ref at, logSteps, nodes))
            return null;
        if (at.Producer is { } shifted && shifted.Is("Add") && shifted.Input(1)?.Constant is { Count: 1 })
        {
            nodes.Add(shifted);
            at = shifted.Input(0)!;
        }
        return (at, [.. nodes]);
    }

    /// <summary>The source, the comparison, and the operators of both regions, last ones first.</summary>
    static (Value Source, Node Less, Node[] Lower, Node[] Upper)? TwinSource(Value value)
    {
        if (value.Producer is not { } where || !where.Is("Where") || where.Input(0)?.Producer is not { } less || !less.Is("Less") || less.Input(0) is not { } source)
            return null;
        List<Node> lower = [], upper = [];
        foreach (var (side, nodes) in new[] { (1, lower), (2, upper) })
            if (where.Input(side) is not { } at || !Follow(ref at, regionSteps, nodes) || at != source)
                return null;
        return (source, less, [.. lower], [.. upper]);
    }

    /// <summary>Walks back along first inputs through the given operators.</summary>
    static bool Follow(ref Value at, string[] steps, List<Node> nodes)
    {
        foreach (string step in steps)
        {
            if (Through(at, step) is not { } before)
                return false;
            nodes.Add(at.Producer!);
            at = before;
        }
        return true;
    }

    static Value? Through(Value value, string operation) => value.Producer is { } node && node.Is(operation) ? node.Input(0) : null;

    static float? Number(Node node, int input) => node.Input(input)?.Constant is { Count: 1, Type: ElementType.Float } tensor ? tensor.ToFloats()[0] : null;

    /// <summary>values[round(log(clip(x + shift, floor, scale))·factor + offset)].</summary>
    sealed record LogFormula(float? Shift, float Floor, float Scale, float Factor, float Offset, float[] Values) : CodedActivation
    {
        public static new LogFormula? Match(Value value)
        {
            if (LogSource(value) is not var (source, nodes))
                return null;
            Node gather = nodes[0], add = nodes[3], mul = nodes[4], clip = nodes[6], first = nodes[^1];
            if (Number(clip, 1) is not { } floor || Number(clip, 2) is not { } scale || Number(mul, 1) is not { } factor || Number(add, 1) is not { } offset
                || gather.Int("axis") != 0 || gather.Input(0)!.Constant is not { Type: ElementType.Float } table || !(0 < floor && floor <= scale && factor < 0))
                return null;
            float? shift = null;
            if (first != clip && (shift = Number(first, 1)) is null)
                return null;
            var formula = new LogFormula(shift, floor, scale, factor, offset, table.ToFloats()) { Source = source, Readers = [first] };
            // Codes grow as x falls, so x̂ grows with x where values fall from code to code.
            int least = formula.CodeOf(scale), most = formula.CodeOf(floor);
            return least >= 0 && most < formula.Values.Length && Enumerable.Range(least, most - least).All(code => formula.Values[code] >= formula.Values[code + 1]) ? formula : null;
        }

        public override float Apply(float x) => Values[CodeOf(Math.Clamp(Shift is { } shift ? x + shift : x, Floor, Scale))];

        int CodeOf(float clipped) => (int)MathF.Round(MathF.Log(clipped) * Factor + Offset, MidpointRounding.ToEven);
    }

    /// <summary>x below split: lower step·clip(round(x/lower step)), else the same of the upper region.</summary>
    sealed record TwinFormula(float Split, TwinFormula.Region Lower, TwinFormula.Region Upper) : CodedActivation
    {
        public static new TwinFormula? Match(Value value)
        {
            if (TwinSource(value) is not var (source, less, lowerNodes, upperNodes) || Number(less, 1) is not { } split || Region.Of(lowerNodes) is not { } lower || Region.Of(upperNodes) is not { } upper)
                return null;
            var formula = new TwinFormula(split, lower, upper) { Source = source, Readers = [less, lowerNodes[^1], upperNodes[^1]] };
            return lower.Apply(float.BitDecrement(split)) <= upper.Apply(split) ? formula : null;
        }

        public override float Apply(float x) => x < Split ? Lower.Apply(x) : Upper.Apply(x);

        public readonly record struct Region(float Step, float First, float Last)
        {
            public static Region? Of(Node[] nodes) =>
                Number(nodes[0], 1) is { } step && Number(nodes[3], 1) == step && Number(nodes[1], 1) is { } first && Number(nodes[1], 2) is { } last && step > 0 && first <= last ? new(step, first, last) : null;

            public float Apply(float x) => Step * Math.Clamp(MathF.Round(x / Step, MidpointRounding.ToEven), First, Last);
        }
    }
}
