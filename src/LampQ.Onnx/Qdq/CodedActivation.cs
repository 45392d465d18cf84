namespace LampQ.Onnx;

/// <summary>Recognises what <see cref="QdqActivation"/> and <see cref="QdqLinear"/> write for other than uniform codes, as far as is needed to see the float model behind it.</summary>
public static class CodedActivation
{
    /// <summary>The float value that a formula of <see cref="LogQuantizer"/> or <see cref="TwinQuantizer"/> rounds; null where a value is no such formula.</summary>
    public static Value? SourceOf(Value value) => LogSource(value) ?? TwinSource(value);

    /// <summary>The integers of a weight that is written as Cast → Mul by its scales; null for anything else.</summary>
    public static Value? FoldedWeight(Value value) =>
        Through(value, "Mul") is { } integers && value.Producer!.Input(1)?.Constant is not null && Through(integers, "Cast") is { Constant: { Rank: >= 2 } stored } codes && stored.Type.IsInteger() ? codes : null;

    static Value? LogSource(Value value)
    {
        if (value.Producer is not { } gather || !gather.Is("Gather") || gather.Input(0)?.Constant is not { Rank: 1 } || gather.Input(1) is not { } at)
            return null;
        foreach (string step in (string[])["Cast", "Round", "Add", "Mul", "Log", "Clip"])
            if (Through(at, step) is { } before)
                at = before;
            else
                return null;
        return at.Producer is { } shifted && shifted.Is("Add") && shifted.Input(1)?.Constant is { Count: 1 } ? shifted.Input(0) : at;
    }

    static Value? TwinSource(Value value)
    {
        if (value.Producer is not { } where || !where.Is("Where") || where.Input(0) is not { } condition || Through(condition, "Less") is not { } source)
            return null;
        for (int side = 1; side <= 2; side++)
        {
            var at = where.Input(side);
            foreach (string step in (string[])["Mul", "Clip", "Round", "Div"])
                at = at is null ? null : Through(at, step);
            if (at != source)
                return null;
        }
        return source;
    }

    static Value? Through(Value value, string operation) => value.Producer is { } node && node.Is(operation) ? node.Input(0) : null;
}
