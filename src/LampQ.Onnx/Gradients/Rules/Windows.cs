namespace LampQ.Onnx;

/// <summary>
/// The sliding window of Conv, MaxPool and AveragePool: input [N, C, D₁, ..], output [N, .., O₁, ..], a kernel with strides, pads and dilations.
/// Turns an input into its patches and patches back into an input, in standard operators of any opset.
/// </summary>
sealed class Windows
{
    readonly long[] input;
    readonly long[] output;
    readonly long[] before;
    readonly long[] after;

    Windows(Node node, long[] kernel)
    {
        int axes = kernel.Length;
        Kernel = kernel;
        input = GraphEmitter.Sizes(node.Inputs[0]!);
        output = GraphEmitter.Sizes(node.Output)[2..];
        Strides = node.Ints("strides") ?? Ones(axes);
        Dilations = node.Ints("dilations") ?? Ones(axes);
        // What the windows really cover, front pads included; ceil_mode may reach behind the stated pads, a floor may fall short of them.
        long[] covered = [.. Enumerable.Range(0, axes).Select(i => (output[i] - 1) * Strides[i] + (kernel[i] - 1) * Dilations[i] + 1)];
        before = Before(node, covered);
        after = [.. Enumerable.Range(0, axes).Select(i => covered[i] - input[i + 2] - before[i])];
    }

    public long[] Kernel { get; }

    public long[] Strides { get; }

    public long[] Dilations { get; }

    /// <summary>Pads in front as the node states or implies them.</summary>
    public long[] FrontPads => before;

    /// <summary>Elements of a kernel.</summary>
    public long KernelCount => Product(Kernel);

    /// <summary>Positions of the kernel.</summary>
    public long OutputCount => Product(output);

    /// <summary>Spatial sizes of the output.</summary>
    public IReadOnlyList<long> Output => output;

    public static Windows Of(Node node, long[] kernel) => new(node, kernel);

    /// <summary>Patches [N, C, kernel elements, positions] of an input; <paramref name="outside"/> is what stands in the padding.</summary>
    public Value Gather(GraphEmitter emit, Value x, double outside = 0)
    {
        long[] sizes = GraphEmitter.Sizes(x);
        long samples = sizes[0], channels = sizes[1];
        var padded = emit.Pad(x, [0, 0, .. before], [0, 0, .. after], outside);
        if (IsTiling)
        {
            var tiles = emit.Transpose(emit.Reshape(padded, [samples, channels, .. Interleave(output, Kernel)]), KernelFirst);
            return emit.Reshape(tiles, samples, channels, KernelCount, OutputCount);
        }
        var patches = emit.Node("Conv", [padded, OneHotKernels(emit, channels, x.Type)], x.Type, [samples, channels * KernelCount, .. output],
            ("group", channels), ("kernel_shape", Kernel), ("strides", Strides), ("dilations", Dilations));
        return emit.Reshape(patches, samples, channels, KernelCount, OutputCount);
    }

    /// <summary>Adds patches [N, C, kernel elements, positions] into an input of zeros: the transpose of <see cref="Gather"/>.</summary>
    public Value Scatter(GraphEmitter emit, Value patches)
    {
        long[] sizes = GraphEmitter.Sizes(patches);
        long samples = sizes[0], channels = sizes[1];
        Value padded;
        if (IsTiling)
        {
            long[] perAxis = [samples, channels, .. Kernel, .. output];
            var tiles = emit.Transpose(emit.Reshape(patches, perAxis), KernelInside);
            padded = emit.Reshape(tiles, [samples, channels, .. Enumerable.Range(0, Kernel.Length).Select(i => output[i] * Kernel[i])]);
        }
        else
        {
            padded = Transposed(emit, emit.Reshape(patches, [samples, channels * KernelCount, .. output]), OneHotKernels(emit, channels, patches.Type), channels, channels);
        }
        return Crop(emit, padded);
    }

    /// <summary>The transpose of a convolution with weight [M, C/groups, kernel]: gradient [N, M, O..] to input [N, C, D..].</summary>
    public Value TransposedConvolution(GraphEmitter emit, Value gradient, Value weight, long channels, long groups) =>
        Crop(emit, Transposed(emit, gradient, weight, channels, groups));

    Value Transposed(GraphEmitter emit, Value gradient, Value weight, long channels, long groups) =>
        emit.Node("ConvTranspose", [gradient, weight], gradient.Type,
            [GraphEmitter.Sizes(gradient)[0], channels, .. Enumerable.Range(0, Kernel.Length).Select(i => input[i + 2] + before[i] + after[i])],
            ("group", groups), ("kernel_shape", Kernel), ("strides", Strides), ("dilations", Dilations));

    Value Crop(GraphEmitter emit, Value padded) =>
        emit.Pad(padded, [0, 0, .. before.Select(p => -p)], [0, 0, .. after.Select(p => -p)]);

    // Stride = kernel without dilation: every element lies in exactly one window, so patches are nothing but another order.
    bool IsTiling => Strides.SequenceEqual(Kernel) && Dilations.All(d => d == 1);

    // [N, C, O₁, k₁, O₂, k₂, ..] to [N, C, k₁, k₂, .., O₁, O₂, ..]
    long[] KernelFirst => [0, 1, .. Enumerable.Range(0, Kernel.Length).Select(i => 3L + 2 * i), .. Enumerable.Range(0, Kernel.Length).Select(i => 2L + 2 * i)];

    // and back
    long[] KernelInside => [0, 1, .. Enumerable.Range(0, Kernel.Length).SelectMany(i => new[] { 2L + Kernel.Length + i, 2L + i })];

    // Kernel j of a channel is 1 at element j alone: convolving with it copies that element of each window, exactly.
    Value OneHotKernels(GraphEmitter emit, long channels, ElementType type)
    {
        int count = (int)KernelCount;
        var values = new float[channels * count * count];
        for (int row = 0; row < channels * count; row++)
            values[row * count + row % count] = 1;
        return emit.Numbers(values, type, [channels * count, 1, .. Kernel]);
    }

    long[] Before(Node node, long[] covered)
    {
        string auto = node.String("auto_pad", "NOTSET");
        if (auto == "NOTSET")
            return (node.Ints("pads") ?? new long[2 * covered.Length])[..covered.Length];
        return [.. covered.Select((size, i) => auto switch
        {
            "SAME_UPPER" => Math.Max(0, size - input[i + 2]) / 2,
            "SAME_LOWER" => (Math.Max(0, size - input[i + 2]) + 1) / 2,
            _ => 0,
        })];
    }

    static long[] Interleave(long[] a, long[] b) => [.. a.SelectMany((size, i) => new[] { size, b[i] })];

    static long[] Ones(int count) => [.. Enumerable.Repeat(1L, count)];

    static long Product(long[] sizes) => sizes.Aggregate(1L, (product, d) => product * d);
}
