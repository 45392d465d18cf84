namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y = x[.., indices, ..] along an axis: ∂x[.., i, ..] = the sum of g over all places where the index is i. Where a constant table T is read at rounded numbers
    /// (the codes of a quantizer), the straight-through estimate goes on: ∂c = g·(T[c+1] − T[c−1])/2, one-sided at both ends.
    /// </summary>
    public static BackwardRule Gather { get; } = new GatherRule();
}

sealed class GatherRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Gather"];

    /// <summary>True for integers that are rounded floating numbers; their backward value is that of the numbers.</summary>
    internal static bool IsCode(Value value) => value.Producer is { } cast && cast.Is("Cast") && cast.Input(0)?.Producer is { } round && round.Is("Round");

    public override bool Carries(Node node, int input) =>
        base.Carries(node, input) || input == 1 && node.Input(0)?.Constant is { Rank: 1, Count: > 1, Type: ElementType.Float } && IsCode(node.Input(1)!);

    protected override void ApplyCore(BackwardStep step)
    {
        step.Give(0, () => OfTable(step));
        step.Give(1, () =>
        {
            float[] values = step.ConstantOf(0)!.ToFloats(), slopes = new float[values.Length];
            for (int c = 0; c < values.Length; c++)
            {
                int before = Math.Max(c - 1, 0), behind = Math.Min(c + 1, values.Length - 1);
                slopes[c] = (values[behind] - values[before]) / (behind - before);
            }
            var emit = step.Emit;
            return emit.Mul(step.Incoming, emit.Node("Gather", [emit.Numbers(slopes, ElementType.Float, slopes.Length), step.Input(1)], ElementType.Float, step.SizesOf(1)));
        });
    }

    static Value OfTable(BackwardStep step)
    {
        var emit = step.Emit;
        long[] sizes = step.SizesOf(0), indexShape = step.SizesOf(1);
        int axis = step.Axis(step.Node.Int("axis"), sizes.Length);
        long size = sizes[axis], count = indexShape.Aggregate(1L, (product, d) => product * d);
        var g = emit.Reshape(step.Incoming, [.. sizes[..axis], count, .. sizes[(axis + 1)..]]);
        if (step.ConstantOf(1) is { } constant)
            return Placement.Spread(emit, g, axis, [.. constant.ToIntegers().Select(i => i < 0 ? i + size : i)], size);
        // A one-hot matrix works in every opset and for repeated indices; OneHot counts negative ones from the end, as Gather does.
        return Placement.Spread(emit, g, axis, emit.OneHot(emit.Reshape(step.Input(1), count), size, 0, g.Type), size);
    }
}
