using System.Numerics;
using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// Turns queries and keys of each head by one orthogonal matrix R [d, d] as QuaRot turns them (Ashkboos et al., NeurIPS 2024, section 4.3), W'_q = R·W_q, W'_k = R·W_k and their biases:
    /// (R·q)ᵀ·(R·k) = qᵀ·k, and channels that tower above the others are spread over all of them. Without positions that rotate, R moves into the weights as a whole and costs nothing at run time.
    /// </summary>
    /// <remarks>R = H ⊗ C of order 2^n·m = d, m odd: H Walsh-Hadamard, C_ij = (cos 2πij/m + sin 2πij/m)/√m (Hartley), both symmetric. Heads keep their energy, not their range, so scales of heads (<see cref="ScoreFolding"/>) are sought behind it.</remarks>
    public static EquivalentTransformation ScoreRotation { get; } = new ScoreRotationTransformation();
}

sealed class ScoreRotationTransformation : EquivalentTransformation
{
    public override string Name => "score-rotation";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => new Dictionary<string, Grouping>();

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var attention in AttentionRows.Suitable(structure).Where(a => a.ScalesScoresAlike))
        {
            AttentionRows.TurnRows(attention.Q, attention.QChannels, Turn);
            AttentionRows.TurnRows(attention.K, attention.KChannels, Turn);
        }
    }

    /// <summary>R·x in place.</summary>
    internal static void Turn(Span<double> x)
    {
        int even = 1 << BitOperations.TrailingZeroCount(x.Length), odd = x.Length / even;
        Hartley(x, even, odd);
        for (int half = 1; half < even; half *= 2)
            for (int i = 0; i < x.Length; i++)
                if ((i / odd & half) == 0)
                    (x[i], x[i + half * odd]) = (x[i] + x[i + half * odd], x[i] - x[i + half * odd]);
        double norm = 1 / Math.Sqrt(x.Length);
        foreach (ref double value in x)
            value *= norm;
    }

    static void Hartley(Span<double> x, int count, int size)
    {
        if (size == 1)
            return;
        var part = new double[size];
        for (int first = 0; first < count * size; first += size)
        {
            x.Slice(first, size).CopyTo(part);
            for (int i = 0; i < size; i++)
            {
                double sum = 0;
                for (int j = 0; j < size; j++)
                {
                    var (sin, cos) = Math.SinCos(2 * Math.PI * (i * j % size) / size);
                    sum += (cos + sin) * part[j];
                }
                x[first + i] = sum;
            }
        }
    }
}
