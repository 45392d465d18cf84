namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y[n, c, p] = Σ over the four pixels around grid point p of weight·x, bilinear, zeros outside: ∂x adds g·weight at each pixel;
    /// ∂grid is (size/2)·Σ_c g·(difference of neighbouring pixels), (size − 1)/2 with align_corners.
    /// </summary>
    /// <remarks>Covered: x [N, C, H, W], linear mode, zero padding; what deformable attention uses.</remarks>
    public static BackwardRule GridSample { get; } = new GridSampleRule();
}

sealed class GridSampleRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["GridSample"];

    protected override void ApplyCore(BackwardStep step)
    {
        var (emit, node) = (step.Emit, step.Node);
        long[] sizes = step.SizesOf(0), points = step.SizesOf(1);
        string mode = node.String("mode", "bilinear"), padding = node.String("padding_mode", "zeros");
        if (sizes.Length != 4 || mode is not ("bilinear" or "linear") || padding != "zeros")
            throw step.Unsupported($"it samples {sizes.Length - 2} axes in mode '{mode}' with padding '{padding}'; two axes, bilinear, zeros are covered");
        long samples = sizes[0], channels = sizes[1], count = points[1] * points[2];
        var type = step.Input(0).Type;
        bool corners = node.Int("align_corners") != 0;
        var grid = emit.Reshape(step.Input(1), samples, count, 2);
        var g = emit.Reshape(step.Incoming, samples, channels, count);
        var across = Axis.Of(emit, emit.Reshape(emit.Slice(grid, 2, 0, 1), samples, 1, count), sizes[3], corners);
        var down = Axis.Of(emit, emit.Reshape(emit.Slice(grid, 2, 1, 1), samples, 1, count), sizes[2], corners);

        Value Places(int y, int x) => emit.Expand(emit.Add(emit.Mul(emit.Cast(down.Index[y], ElementType.Int64), emit.Constant(Tensor.Scalar(sizes[3]))),
            emit.Cast(across.Index[x], ElementType.Int64)), samples, channels, count);
        step.Give(0, () =>
        {
            var sum = emit.Filled(0, type, samples, channels, sizes[2] * sizes[3]);
            for (int y = 0; y < 2; y++)
                for (int x = 0; x < 2; x++)
                    sum = emit.ScatterElements(sum, Places(y, x), emit.Mul(g, emit.Mul(down.Weight[y], across.Weight[x])), 2, add: true);
            return emit.Reshape(sum, sizes);
        });
        step.Give(1, () =>
        {
            var flat = emit.Reshape(step.Input(0), samples, channels, sizes[2] * sizes[3]);
            Value? alongX = null, alongY = null;
            for (int y = 0; y < 2; y++)
                for (int x = 0; x < 2; x++)
                {
                    var pixel = emit.Node("GatherElements", [flat, Places(y, x)], type, [samples, channels, count], ("axis", 2L));
                    var weighted = emit.ReduceSum(emit.Mul(g, pixel), [1]);
                    alongX = Plus(emit, alongX, emit.Mul(emit.Mul(weighted, down.Weight[y]), across.Slope[x]));
                    alongY = Plus(emit, alongY, emit.Mul(emit.Mul(weighted, across.Weight[x]), down.Slope[y]));
                }
            var pairs = emit.Concat([emit.Mul(alongX!, across.Factor), emit.Mul(alongY!, down.Factor)], 1);
            return emit.Reshape(emit.Transpose(pairs, 0, 2, 1), points);
        });
    }

    static Value Plus(GraphEmitter emit, Value? sum, Value term) => sum is null ? term : emit.Add(sum, term);

    /// <summary>The two pixels around each point along one axis: index (clamped into the axis), weight, and slope of the weight; weight and slope are 0 outside.</summary>
    sealed record Axis(Value[] Index, Value[] Weight, Value[] Slope, double Factor)
    {
        public static Axis Of(GraphEmitter emit, Value coordinate, long size, bool corners)
        {
            // −1 to 1 is the centre of the first and last pixel with align_corners, else their outer edges.
            double factor = corners ? (size - 1) / 2.0 : size / 2.0;
            var at = emit.Add(emit.Mul(coordinate, factor), (size - 1) / 2.0);
            var low = emit.Map("Floor", at);
            var fraction = emit.Sub(at, low);
            Value first = emit.Number(0, at.Type), last = emit.Number(size - 1, at.Type), one = emit.Number(1, at.Type);
            var (index, weight, slope) = (new Value[2], new Value[2], new Value[2]);
            for (int i = 0; i < 2; i++)
            {
                var pixel = i == 0 ? low : emit.Add(low, one);
                index[i] = emit.Node("Clip", [pixel, first, last], at.Type, GraphEmitter.Sizes(at));
                var inside = emit.Cast(emit.Equal(index[i], pixel), at.Type);
                weight[i] = emit.Mul(inside, i == 0 ? emit.Sub(1, fraction) : fraction);
                slope[i] = i == 0 ? emit.Neg(inside) : inside;
            }
            return new Axis(index, weight, slope, factor);
        }
    }
}
