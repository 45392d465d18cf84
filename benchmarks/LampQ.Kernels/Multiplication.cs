using System.Runtime.InteropServices;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Kernels;

/// <summary>One integer product with random operands: what the benchmarks measure.</summary>
sealed unsafe class Multiplication : IDisposable
{
    readonly byte* x;
    readonly byte* weights;
    readonly int* y;
    readonly int* init;
    readonly DotKernel kernel;
    readonly Workers workers;

    public Multiplication(Shape shape, int bits, int largestX, DotKernel kernel, Workers workers)
    {
        (Shape, Bits, LargestX, this.kernel, this.workers) = (shape, bits, largestX, kernel, workers);
        var random = new Random(1);
        var codes = new sbyte[shape.N * shape.K];
        for (int i = 0; i < codes.Length; i++)
            codes[i] = (sbyte)random.Next(-(1 << (bits - 1)), 1 << (bits - 1));
        byte[] packed = PackedWeights.Pack(codes, shape.N, shape.K, bits);
        weights = (byte*)NativeMemory.AlignedAlloc((nuint)packed.Length, 64);
        packed.CopyTo(new Span<byte>(weights, packed.Length));
        x = (byte*)NativeMemory.AlignedAlloc((nuint)(shape.M * shape.K), 64);
        for (int i = 0; i < shape.M * shape.K; i++)
            x[i] = (byte)random.Next(largestX + 1);
        y = (int*)NativeMemory.AlignedAlloc((nuint)((long)shape.M * shape.N * sizeof(int)), 64);
        init = (int*)NativeMemory.AllocZeroed((nuint)shape.N, sizeof(int));
    }

    public Shape Shape { get; }

    public int Bits { get; }

    public int LargestX { get; }

    /// <summary>Multiplications and additions.</summary>
    public double Operations => 2.0 * Shape.M * Shape.K * Shape.N;

    public void Run()
    {
        var product = new LinearProduct
        {
            X = x, StrideX = Shape.K, M = Shape.M, N = Shape.N, K = Shape.K, Weights = weights, Bits = Bits, LargestX = LargestX, Init = init,
        };
        LinearTraversal.Run(kernel, product, workers, new StoreSums { Y = y, StrideY = Shape.N });
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(x);
        NativeMemory.AlignedFree(weights);
        NativeMemory.AlignedFree(y);
        NativeMemory.Free(init);
    }
}

/// <summary>y [M, N] = x [M, K]·Wᵀ of a layer.</summary>
sealed record Shape(string Layer, int M, int K, int N)
{
    /// <summary>The linear layers of DeiT-Tiny, DeiT-S (one image and eight) and ViT-B at 197 tokens.</summary>
    public static IReadOnlyList<Shape> All { get; } =
    [
        new("DeiT-Tiny proj", 197, 192, 192), new("DeiT-Tiny fc1", 197, 192, 768),
        new("DeiT-S qkv", 197, 384, 1152), new("DeiT-S proj", 197, 384, 384), new("DeiT-S fc1", 197, 384, 1536), new("DeiT-S fc2", 197, 1536, 384),
        new("DeiT-S head", 1, 384, 1000),
        new("DeiT-S qkv x8", 1576, 384, 1152), new("DeiT-S fc1 x8", 1576, 384, 1536), new("DeiT-S fc2 x8", 1576, 1536, 384),
        new("ViT-B qkv", 197, 768, 2304), new("ViT-B proj", 197, 768, 768), new("ViT-B fc1", 197, 768, 3072), new("ViT-B fc2", 197, 3072, 768),
    ];

    public override string ToString() => $"{Layer} {M}x{K}x{N}";
}
