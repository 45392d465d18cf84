namespace LampQ.Runtime;

/// <summary>What became of one quantized operation of a model.</summary>
/// <param name="Name">Name of the node, or of its output where it has none.</param>
/// <param name="Operation">What it is: "linear", "attention", or an ONNX operator.</param>
/// <param name="LoweredTo">The operator of ai.lampq that computes it; null where ONNX Runtime does.</param>
/// <param name="Reason">Why it was not lowered; empty where it was.</param>
public sealed record LoweredOperation(string Name, string Operation, string? LoweredTo, string Reason);

/// <summary>Every quantized operation of a model: what it was lowered to, or why not.</summary>
/// <param name="Operations">Along the data.</param>
public sealed record LoweringReport(IReadOnlyList<LoweredOperation> Operations)
{
    /// <summary>A model in which nothing is quantized, or that has its operators already.</summary>
    public static LoweringReport Empty { get; } = new([]);

    /// <summary>Operations that fused kernels compute.</summary>
    public int Lowered => Operations.Count(o => o.LoweredTo is not null);

    /// <summary>Operations that ONNX Runtime's own kernels compute.</summary>
    public IEnumerable<LoweredOperation> Left => Operations.Where(o => o.LoweredTo is null);

    /// <summary>"73 operations lowered, 1 left to ONNX Runtime: head (Gemm), its input is not quantized."</summary>
    public override string ToString()
    {
        LoweredOperation[] left = [.. Left];
        return $"{Lowered} quantized operations run on LampQ's kernels, {left.Length} on ONNX Runtime's own"
            + (left.Length == 0 ? "" : ": " + string.Join(" ", left.Take(3).Select(o => $"'{o.Name}' ({o.Operation}). {o.Reason}")) + (left.Length > 3 ? $" And {left.Length - 3} more." : ""));
    }
}
