using BenchmarkDotNet.Attributes;
using LampQ.Runtime;

namespace LampQ.Kernels;

/// <summary>Every kernel this CPU has on a layer of DeiT-S and one of ViT-B. Short iterations: two dozen products take a tenth of a second, and there are many cases.</summary>
[InProcess]
[WarmupCount(2)]
[IterationCount(5)]
[IterationTime(100)]
public class KernelBenchmarks
{
    ThreadWorkers? workers;
    Multiplication? multiplication;

    /// <summary>Name of the kernel.</summary>
    [ParamsSource(nameof(Kernels))]
    public string Kernel { get; set; } = "";

    /// <summary>Layer and shape.</summary>
    [Params("DeiT-S fc1 197x384x1536", "ViT-B fc1 197x768x3072")]
    public string Layer { get; set; } = "";

    /// <summary>Bits of the weights.</summary>
    [Params(4, 8)]
    public int Bits { get; set; }

    /// <summary>Threads.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Names of the kernels.</summary>
    public static IEnumerable<string> Kernels => DotKernel.All.Where(kernel => kernel.IsSupported && kernel != DotKernel.Definition).Select(kernel => kernel.Name);

    /// <summary>Makes the operands.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        workers = new ThreadWorkers(Threads);
        multiplication = new Multiplication(Shape.All.Single(shape => shape.ToString() == Layer), Bits, 255, DotKernel.Named(Kernel), workers);
    }

    /// <summary>One product.</summary>
    [Benchmark]
    public void Multiply() => multiplication!.Run();

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        multiplication?.Dispose();
        workers?.Dispose();
    }
}
