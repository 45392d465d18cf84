namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Resize with mode nearest by whole factors repeats each element f times along an axis: ∂x = the sum of g over the copies.</summary>
    /// <remarks>Covered: enlarging by whole factors where output i comes from element ⌊i/f⌋, which the rule checks against the node's attributes.</remarks>
    public static BackwardRule Resize { get; } = new ResizeRule();
}

sealed class ResizeRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Resize"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        long[] sizes = step.SizesOf(0), enlarged = GraphEmitter.Sizes(step.Node.Output);
        string mode = step.Node.String("mode", "nearest"), rounding = step.Node.String("nearest_mode", "round_prefer_floor");
        string coordinates = step.Node.String("coordinate_transformation_mode", "half_pixel");
        bool repeats = mode == "nearest" && sizes.Zip(enlarged).All(p => p.Second % p.First == 0 && SourcesAreBlocks(p.First, p.Second / p.First, coordinates, rounding));
        if (!repeats)
            throw step.Unsupported($"it resizes [{string.Join(",", sizes)}] to [{string.Join(",", enlarged)}] "
                + $"(mode '{mode}', '{coordinates}', '{rounding}'); only repetition by whole factors is covered");
        long[] copies = [.. sizes.SelectMany((size, i) => new[] { size, enlarged[i] / size })];
        return step.Emit.ReduceSum(step.Emit.Reshape(step.Incoming, copies), [.. Enumerable.Range(0, sizes.Length).Select(i => 2L * i + 1)], keepDims: false);
    });

    static bool SourcesAreBlocks(long size, long factor, string coordinates, string rounding)
    {
        for (long i = 0; i < size * factor; i++)
        {
            double at = coordinates switch
            {
                "asymmetric" => (double)i / factor,
                "half_pixel" or "pytorch_half_pixel" => (i + .5) / factor - .5,
                _ => factor == 1 ? i : double.NaN,
            };
            double source = rounding switch
            {
                "floor" => Math.Floor(at),
                "ceil" => Math.Ceiling(at),
                "round_prefer_ceil" => Math.Floor(at + .5),
                _ => Math.Ceiling(at - .5),
            };
            // NaN, a mapping the rule does not know, equals nothing.
            if (Math.Clamp(source, 0, size - 1) != i / factor)
                return false;
        }
        return true;
    }
}
