namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>The environment variable that forces one kernel by its name.</summary>
    public const string Variable = "LAMPQ_KERNEL";

    /// <summary>Every kernel, the slowest first; a CPU runs some of them.</summary>
    public static IReadOnlyList<DotKernel> All => [Definition, Portable, Avx2, ArmDp, AvxVnni, Avx512S16, Avx512Vnni];

    /// <summary>The kernel for 8-bit weights.</summary>
    /// <exception cref="KernelChoiceException">LAMPQ_KERNEL names no kernel, or one that this CPU does not run.</exception>
    public static DotKernel Fastest() => For(8);

    /// <summary>The fastest kernel for weights of a width; LAMPQ_KERNEL overrules it for all widths.</summary>
    /// <param name="bits">2 to 8.</param>
    /// <exception cref="KernelChoiceException">LAMPQ_KERNEL names no kernel, or one that this CPU does not run.</exception>
    public static DotKernel For(int bits)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } name)
            return Named(name);
        // Sums in 16 bits pay while at least two pairs fit; with wider weights, 256-bit AVX-VNNI is as fast or faster
        // (Zen 5, 8-bit codes: 6 bits 605 to 526 GOPS, 8 bits 381 to 536).
        return All.Last(kernel => kernel.IsSupported && !(kernel == Avx512S16 && bits > 6 && AvxVnni.IsSupported));
    }

    /// <summary>The kernel of a name.</summary>
    /// <exception cref="KernelChoiceException">No kernel has this name, or this CPU does not run it.</exception>
    public static DotKernel Named(string name)
    {
        var kernel = All.FirstOrDefault(kernel => kernel.Name == name);
        if (kernel is { IsSupported: true })
            return kernel;
        string found = kernel is null ? "names no kernel" : "names a kernel that this CPU or process does not run";
        string valid = string.Join(", ", All.Where(kernel => kernel.IsSupported).Select(kernel => kernel.Name));
        throw new KernelChoiceException($"{Variable}={name} {found}. Here it can be {valid}.");
    }
}
