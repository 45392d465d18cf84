namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x laid side by side, rᵢ times along axis i: ∂x = the sum of g over the copies.</summary>
    public static BackwardRule Tile { get; } = new TileRule();
}

sealed class TileRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Tile"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        long[] sizes = step.SizesOf(0), tiled = GraphEmitter.Sizes(step.Node.Output);
        long[] copies = [.. sizes.SelectMany((size, i) => new[] { size == 0 ? 1 : tiled[i] / size, size })];
        return step.Emit.ReduceSum(step.Emit.Reshape(step.Incoming, copies), [.. Enumerable.Range(0, sizes.Length).Select(i => 2L * i)], keepDims: false);
    });
}
