using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization;

/// <summary>
/// Finds integers q near real weights w [K] in the metric of a matrix H: small (w − s·q)ᵀ·H·(w − s·q), one column after the other, each taking over the
/// error of those before it. This is GPTQ's loop (arXiv 2210.17323, algorithm 1), which is Babai's nearest plane.
/// </summary>
/// <remarks>
/// With H = MᵀM, M lower triangular, the error is Σ_i (Σ_j≤i M_ij·δ_j)², δ = w − s·q: column i is rounded after Σ_j&lt;i M_ij·δ_j / M_ii has been added to it, and
/// leaves r_i² behind. GPTQ states it with the Cholesky factor of H⁻¹; this form needs no inverse and knows the error as it goes. M's rows are
/// contiguous, so the loop is one dot product a column.
/// </remarks>
public sealed class NearestPlane
{
    readonly float[] triangle;
    readonly float[] metric;
    readonly int[] order;

    /// <summary>Factors the metric.</summary>
    /// <param name="metric">H [K, K], symmetric and positive definite: damping is added already.</param>
    public NearestPlane(Matrix<double> metric)
    {
        int size = metric.RowCount;
        // The columns of largest power first, while there are many left to take over their error (GPTQ's "act order").
        order = [.. Enumerable.Range(0, size).OrderByDescending(i => metric[i, i])];
        var reversed = Matrix<double>.Build.Dense(size, size, (i, j) => metric[order[size - 1 - i], order[size - 1 - j]]);
        var factor = reversed.Cholesky().Factor;
        triangle = new float[size * size];
        this.metric = new float[size * size];
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++)
            {
                if (j <= i)
                    triangle[i * size + j] = (float)factor[size - 1 - j, size - 1 - i];
                this.metric[i * size + j] = (float)metric[order[i], order[j]];
            }
    }

    /// <summary>K.</summary>
    public int Size => order.Length;

    /// <summary>Brings values by column into the order in which columns are rounded.</summary>
    public void Arrange(ReadOnlySpan<float> values, Span<float> arranged)
    {
        for (int i = 0; i < order.Length; i++)
            arranged[i] = values[order[i]];
    }

    /// <summary>Brings integers back into the order of the columns, as codes of their grid.</summary>
    public void Restore(ReadOnlySpan<float> arranged, WeightGrid grid, Span<sbyte> codes)
    {
        for (int i = 0; i < order.Length; i++)
            codes[order[i]] = grid.CodeOf(arranged[i]);
    }

    /// <summary>Rounds one row.</summary>
    /// <param name="weights">w, arranged.</param>
    /// <param name="grid">s, and the least and the largest q.</param>
    /// <param name="codes">Receives q, arranged.</param>
    /// <param name="giveUpAt">The search ends once the error reaches this.</param>
    /// <returns>The error (w − s·q)ᵀH(w − s·q), or more than <paramref name="giveUpAt"/>.</returns>
    public double Round(ReadOnlySpan<float> weights, WeightGrid grid, Span<float> codes, double giveUpAt = double.PositiveInfinity)
    {
        int size = Size;
        float low = grid.Low, high = grid.High, scale = grid.Scale, inverse = 1 / scale;
        Span<float> rest = size <= 4096 ? stackalloc float[size] : new float[size];
        double error = 0;
        for (int i = 0; i < size; i++)
        {
            var line = triangle.AsSpan(i * size, i + 1);
            float wanted = weights[i] + TensorPrimitives.Dot(line[..i], rest[..i]) / line[i];
            float code = codes[i] = Math.Clamp(MathF.Round(wanted * inverse, MidpointRounding.ToEven), low, high);
            rest[i] = weights[i] - scale * code;
            float left = line[i] * (wanted - scale * code);
            error += left * left;
            if (error >= giveUpAt)
                return error;
        }
        return error;
    }

    /// <summary>
    /// Improves the integers of one row by coordinate descent, each integer moved to its best place given all others until none moves, and the scale by its
    /// closed form s = qᵀHw / qᵀHq, in turn (the rounding of QuantEase, arXiv 2309.01885, within clipping; the scale of any quantizer that is linear in it).
    /// </summary>
    /// <param name="weights">w, arranged.</param>
    /// <param name="grid">s to start from, the improved one on return; the least and the largest q stay.</param>
    /// <param name="codes">q, arranged.</param>
    /// <returns>The error (w − s·q)ᵀH(w − s·q).</returns>
    public double Descend(ReadOnlySpan<float> weights, ref WeightGrid grid, Span<float> codes)
    {
        const int Rounds = 4, Sweeps = 8;
        int size = Size;
        float low = grid.Low, high = grid.High, scale = grid.Scale;
        var ofWeights = new float[size];
        Multiply(weights, ofWeights);
        var ofCodes = new float[size];
        Multiply(codes, ofCodes);
        var gradient = new float[size];
        for (int round = 0; round < Rounds; round++)
        {
            float s = scale;
            // H·(w − s·q), kept up to date.
            TensorPrimitives.MultiplyAdd(ofCodes, -s, ofWeights, gradient);
            bool moved = false;
            for (int sweep = 0; sweep < Sweeps; sweep++)
            {
                bool again = false;
                for (int k = 0; k < size; k++)
                {
                    var line = metric.AsSpan(k * size, size);
                    float old = codes[k], next = Math.Clamp(MathF.Round(old + gradient[k] / (s * line[k])), low, high);
                    float step = next - old;
                    // The move must lower the error: −2·s·step·g + s²·step²·H_kk < 0; at a bound, the clipped step need not.
                    if (step == 0 || s * step * line[k] * step >= 2 * step * gradient[k] * (1 - 1e-5f))
                        continue;
                    codes[k] = next;
                    TensorPrimitives.MultiplyAdd(line, -s * step, gradient, gradient);
                    again = moved = true;
                }
                if (!again)
                    break;
            }
            if (moved)
                Multiply(codes, ofCodes);
            double cross = TensorPrimitives.Dot(codes, ofWeights), power = TensorPrimitives.Dot(codes, ofCodes);
            float best = power > 0 && cross > 0 ? (float)(cross / power) : s;
            bool same = Math.Abs(best - s) <= 1e-4f * s;
            scale = best;
            if (same && !moved)
                break;
        }
        double error = 0;
        for (int k = 0; k < size; k++)
            error += (weights[k] - scale * codes[k]) * ((double)ofWeights[k] - scale * ofCodes[k]);
        grid = grid with { Scale = scale };
        return error;
    }

    /// <summary>Hv, in the order of rounding.</summary>
    void Multiply(ReadOnlySpan<float> vector, Span<float> product)
    {
        for (int i = 0; i < Size; i++)
            product[i] = TensorPrimitives.Dot(metric.AsSpan(i * Size, Size), vector);
    }
}
