using System.Globalization;
using System.Reflection;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary>What this machine offers.</summary>
sealed record DoctorReport : Report
{
    public required string Version { get; init; }
    public required string Processor { get; init; }
    public required int Threads { get; init; }
    public required string Framework { get; init; }
    public required string OnnxRuntime { get; init; }
    public required string PackageMode { get; init; }
    public required IReadOnlyList<InstructionSet> InstructionSets { get; init; }
    public required IReadOnlyList<KernelPath> IntegerKernels { get; init; }
    public required IReadOnlyList<KernelPath> FloatKernels { get; init; }
    public required string? ForcedKernel { get; init; }
    public required IReadOnlyList<string> Problems { get; init; }

    public static DoctorReport Of(Diagnosis diagnosis) => new()
    {
        Version = typeof(DoctorReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
        Processor = diagnosis.Processor,
        Threads = diagnosis.Threads,
        Framework = diagnosis.Framework,
        OnnxRuntime = diagnosis.OnnxRuntime,
        PackageMode = diagnosis.PackageMode,
        InstructionSets = diagnosis.InstructionSets,
        IntegerKernels = diagnosis.IntegerKernels,
        FloatKernels = diagnosis.FloatKernels,
        ForcedKernel = diagnosis.ForcedKernel,
        Problems = diagnosis.Problems,
    };

    protected override void WriteText(TextWriter output)
    {
        output.WriteLine($"LampQ         {Version}, packages from {PackageMode}");
        output.WriteLine($"processor     {Processor}, {Threads} threads");
        output.WriteLine($"framework     {Framework}");
        output.WriteLine($"ONNX Runtime  {OnnxRuntime}");
        output.WriteLine($"instructions  {string.Join(", ", InstructionSets.Select(s => s.Usable ? s.Name : $"no {s.Name}"))}");
        if (ForcedKernel is not null)
            output.WriteLine($"forced        LAMPQ_KERNEL={ForcedKernel}");
        WriteKernels(output, "integer kernel", IntegerKernels);
        WriteKernels(output, "float kernel", FloatKernels);
    }

    static void WriteKernels(TextWriter output, string heading, IReadOnlyList<KernelPath> kernels)
    {
        output.WriteLine();
        var table = new TextTable(heading, "offered", "runs weights of", "why not");
        foreach (var kernel in kernels.Reverse())
            table.Add(kernel.Name, kernel.Offered ? "yes" : "no", Bits(kernel.WeightBits), kernel.Refusal ?? "");
        table.Write(output);
    }

    static string Bits(IReadOnlyList<int> bits) => bits switch
    {
        [] => "",
        [var first, .., var last] when last - first + 1 == bits.Count => string.Create(CultureInfo.InvariantCulture, $"{first} to {last} bits"),
        _ => $"{string.Join(", ", bits.Select(b => b.ToString(CultureInfo.InvariantCulture)))} bits",
    };
}
