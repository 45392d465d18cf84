using System.Numerics.Tensors;

namespace LampQ.Quantization;

/// <summary>
/// Singular values of a small dense matrix: the square roots of the eigenvalues of its smaller Gram matrix, by Householder tridiagonalization and the
/// implicit QL iteration (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3). Absolute error about 1e-8 of the largest.
/// </summary>
static class SingularValues
{
    /// <summary>The singular values of a row-major matrix, in no order; as many as its shorter side.</summary>
    /// <exception cref="InvalidOperationException">The iteration does not converge: a value is NaN or infinite.</exception>
    public static double[] Of(ReadOnlySpan<float> matrix, int rows)
    {
        int columns = matrix.Length / rows, n = Math.Min(rows, columns), length = Math.Max(rows, columns);
        var lines = new double[n][];
        for (int i = 0; i < n; i++)
        {
            lines[i] = new double[length];
            for (int j = 0; j < length; j++)
                lines[i][j] = rows <= columns ? matrix[i * columns + j] : matrix[j * columns + i];
        }
        var gram = new double[n][];
        for (int i = 0; i < n; i++)
        {
            gram[i] = new double[n];
            for (int j = 0; j <= i; j++)
                gram[i][j] = gram[j][i] = TensorPrimitives.Dot<double>(lines[i], lines[j]);
        }
        var (diagonal, beside) = Tridiagonal(gram);
        Diagonalize(diagonal, beside);
        return [.. diagonal.Select(value => Math.Sqrt(Math.Max(value, 0)))];
    }

    /// <summary>Diagonal and subdiagonal of a tridiagonal matrix with the same eigenvalues; beside[i] stands between i and i + 1. Changes the matrix.</summary>
    static (double[] Diagonal, double[] Beside) Tridiagonal(double[][] a)
    {
        int n = a.Length;
        double[] diagonal = new double[n], beside = new double[n];
        for (int k = 0; k < n - 1; k++)
        {
            diagonal[k] = a[k][k];
            int size = n - k - 1;
            var x = a[k].AsSpan(k + 1, size);
            double norm = Math.Sqrt(TensorPrimitives.SumOfSquares<double>(x));
            beside[k] = norm;
            if (norm == 0)
                continue;
            // v = x ± ‖x‖e₁ with the sign that does not cancel; the rest becomes (1 − 2vvᵀ/vᵀv)·A·(1 − 2vvᵀ/vᵀv) = A − vwᵀ − wvᵀ.
            double alpha = x[0] > 0 ? -norm : norm;
            beside[k] = alpha;
            double[] v = x.ToArray(), w = new double[size];
            v[0] -= alpha;
            double scale = 2 / TensorPrimitives.SumOfSquares<double>(v);
            for (int i = 0; i < size; i++)
                w[i] = scale * TensorPrimitives.Dot<double>(a[k + 1 + i].AsSpan(k + 1, size), v);
            double half = scale / 2 * TensorPrimitives.Dot<double>(w, v);
            for (int i = 0; i < size; i++)
                w[i] -= half * v[i];
            for (int i = 0; i < size; i++)
            {
                var row = a[k + 1 + i].AsSpan(k + 1, size);
                TensorPrimitives.MultiplyAdd(w, -v[i], row, row);
                TensorPrimitives.MultiplyAdd(v, -w[i], row, row);
            }
        }
        diagonal[n - 1] = a[n - 1][n - 1];
        return (diagonal, beside);
    }

    /// <summary>Turns a tridiagonal matrix into its eigenvalues in place.</summary>
    static void Diagonalize(double[] d, double[] e)
    {
        const int MostIterations = 60;
        int n = d.Length;
        for (int l = 0; l < n; l++)
            for (int iteration = 0; ; iteration++)
            {
                int m = l;
                while (m < n - 1 && Math.Abs(e[m]) > double.Epsilon && Math.Abs(e[m]) > 2.3e-16 * (Math.Abs(d[m]) + Math.Abs(d[m + 1])))
                    m++;
                if (m == l)
                    break;
                if (iteration == MostIterations)
                    throw new InvalidOperationException("The singular values did not converge; the matrix holds NaN or infinity.");
                double g = (d[l + 1] - d[l]) / (2 * e[l]), r = double.Hypot(g, 1);
                g = d[m] - d[l] + e[l] / (g + Math.CopySign(r, g));
                double s = 1, c = 1, p = 0;
                int i = m - 1;
                for (; i >= l; i--)
                {
                    double f = s * e[i], b = c * e[i];
                    r = double.Hypot(f, g);
                    e[i + 1] = r;
                    if (r == 0)
                    {
                        d[i + 1] -= p;
                        e[m] = 0;
                        break;
                    }
                    (s, c) = (f / r, g / r);
                    g = d[i + 1] - p;
                    r = (d[i] - g) * s + 2 * c * b;
                    p = s * r;
                    d[i + 1] = g + p;
                    g = c * r - b;
                }
                if (r == 0 && i >= l)
                    continue;
                d[l] -= p;
                e[l] = g;
                e[m] = 0;
            }
    }
}
