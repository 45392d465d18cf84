using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>What this machine and process offer LampQ's kernels.</summary>
public sealed record Diagnosis
{
    /// <summary>The processor's own name where it tells one, its architecture otherwise.</summary>
    public required string Processor { get; init; }

    /// <summary>Threads the processor runs at once, as far as this process may use them; what 0 threads mean.</summary>
    public required int Threads { get; init; }

    /// <summary>The .NET runtime.</summary>
    public required string Framework { get; init; }

    /// <summary>The version of the native ONNX Runtime.</summary>
    public required string OnnxRuntime { get; init; }

    /// <summary>Where LampQ's packages came from when it was built: <c>nuget</c> or <c>offline</c> (docs/decisions/0001-packages.md).</summary>
    public required string PackageMode { get; init; }

    /// <summary>Instruction sets that kernels are written for.</summary>
    public required IReadOnlyList<InstructionSet> InstructionSets { get; init; }

    /// <summary>Ways to multiply integers, the slowest first.</summary>
    public required IReadOnlyList<KernelPath> IntegerKernels { get; init; }

    /// <summary>Ways to do the float part, the slowest first.</summary>
    public required IReadOnlyList<KernelPath> FloatKernels { get; init; }

    /// <summary>The value of LAMPQ_KERNEL; null where it is not set.</summary>
    public string? ForcedKernel { get; init; }

    /// <summary>What keeps LampQ from working here.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Looks at this process.</summary>
    public static Diagnosis OfThisProcess()
    {
        List<string> problems = [];
        string? forced = Environment.GetEnvironmentVariable(DotKernel.Variable) is { Length: > 0 } name ? name : null;
        var chosen = new Dictionary<int, DotKernel>();
        Try(problems, () =>
        {
            for (int bits = 2; bits <= 8; bits++)
                chosen[bits] = DotKernel.For(bits);
        });
        Try(problems, () =>
        {
            using var options = new SessionOptions();
            options.RegisterLampQ();
        });
        var fastest = Runtime.FloatKernels.Fastest();
        return new Diagnosis
        {
            Processor = ProcessorName(),
            Threads = Environment.ProcessorCount,
            Framework = RuntimeInformation.FrameworkDescription,
            OnnxRuntime = OnnxRuntimeLibrary.Version,
            PackageMode = typeof(Diagnosis).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "LampQPackages")?.Value ?? "nuget",
            InstructionSets =
            [
                new("avx2", Avx2.IsSupported), new("fma", Fma.IsSupported), new("avx-vnni", AvxVnni.IsSupported), new("avx512bw", Avx512BW.IsSupported),
                new("avx512-vnni", DotKernel.Avx512Vnni.IsSupported), new("arm-dp", Dp.IsSupported),
            ],
            IntegerKernels = [.. DotKernel.All.Select(k => new KernelPath(k.Name, Refusal(k), [.. chosen.Where(c => c.Value == k).Select(c => c.Key)]))],
            FloatKernels = [.. Runtime.FloatKernels.All.Select(k => new KernelPath(k.Name, k.IsSupported ? null : NotUsable, k == fastest ? [2, 3, 4, 5, 6, 7, 8] : []))],
            ForcedKernel = forced,
            Problems = problems,
        };
    }

    const string NotUsable = "the CPU lacks its instructions, or the runtime does not use them";

    static string? Refusal(DotKernel kernel) => kernel.IsSupported ? null : kernel == DotKernel.Avx512Vnni ? DotKernel.Avx512VnniRefusal : NotUsable;

    static void Try(List<string> problems, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is InvalidOperationException or NotSupportedException or OrtException)
        {
            if (!problems.Contains(e.Message))
                problems.Add(e.Message);
        }
    }

    static string ProcessorName()
    {
        const int Brand = unchecked((int)0x80000002), Parts = 3;
        if (!X86Base.IsSupported || X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < Brand + Parts - 1)
            return RuntimeInformation.ProcessArchitecture.ToString();
        var words = new int[4 * Parts];
        for (int part = 0; part < Parts; part++)
            (words[4 * part], words[4 * part + 1], words[4 * part + 2], words[4 * part + 3]) = X86Base.CpuId(Brand + part, 0);
        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes<int>(words)).TrimEnd('\0').Trim();
    }
}

/// <summary>An instruction set.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Usable">Whether the CPU has it and this process uses it.</param>
public sealed record InstructionSet(string Name, bool Usable);

/// <summary>One way to compute.</summary>
/// <param name="Name">As LAMPQ_KERNEL takes it, for integer kernels.</param>
/// <param name="Refusal">Why it is not offered here; null where it is.</param>
/// <param name="WeightBits">Widths of weights it is chosen for.</param>
public sealed record KernelPath(string Name, string? Refusal, IReadOnlyList<int> WeightBits)
{
    /// <summary>Whether it can run here.</summary>
    public bool Offered => Refusal is null;
}
