namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Y = einsum("a,b→y", A, B): ∂A = einsum("y,b→a", G, B), and likewise for every operand.
    /// </summary>
    /// <remarks>
    /// Covered: an equation with an arrow, no "...", no letter twice in one operand, and every letter of an operand again in the
    /// result or another operand (else the derivative is a repetition, not a sum).
    /// </remarks>
    public static BackwardRule Einsum { get; } = new EinsumRule();
}

sealed class EinsumRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Einsum"];

    protected override void ApplyCore(BackwardStep step)
    {
        string equation = step.Node.String("equation").Replace(" ", "");
        if (equation.Split("->") is not [var left, var result] || equation.Contains('.'))
            throw step.Unsupported($"its equation '{equation}' has no arrow or leaves axes open ('...')");
        string[] operands = left.Split(',');
        for (int i = 0; i < operands.Length; i++)
        {
            var others = operands.Where((_, j) => j != i).ToArray();
            string mine = operands[i];
            if (step.Wants(i) && (mine.Distinct().Count() != mine.Length || mine.Except(result.Concat(others.SelectMany(o => o))).Any()))
                throw step.Unsupported($"operand {i} of its equation '{equation}' repeats a letter or has one that appears nowhere else");
            int number = i;
            step.Give(i, () => step.Emit.Node("Einsum", [step.Incoming, .. step.Node.Inputs.Where((_, j) => j != number)], step.Incoming.Type, step.SizesOf(number),
                ("equation", $"{string.Join(',', others.Prepend(result))}->{mine}")));
        }
    }
}
