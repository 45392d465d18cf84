using System.Numerics;
using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Σ_k x[m, k] of rows of codes, exact.</summary>
static unsafe class RowSums
{
    /// <summary>Sums M rows of K codes.</summary>
    public static void Compute(byte* x, nint stride, long rows, int columns, Workers workers, int* sums)
    {
        var work = new Work { X = x, Stride = stride, Rows = rows, Columns = columns, Tasks = (int)Math.Min(rows, workers.Count), Sums = sums };
        workers.For(work.Tasks, ref work);
    }

    struct Work : IWork
    {
        public byte* X;
        public nint Stride;
        public long Rows;
        public int Columns, Tasks;
        public int* Sums;

        public readonly void Do(int task)
        {
            long end = Rows * (task + 1) / Tasks;
            for (long row = Rows * task / Tasks; row < end; row++)
                Sums[row] = Sum(X + (nint)row * Stride, Columns);
        }
    }

    static int Sum(byte* x, int count)
    {
        int i = 0, sum = 0;
        while (count - i >= Vector<byte>.Count)
        {
            // 128 vectors: 2 · 128 · 255 = 65280 fits 16 bits.
            int end = i + Math.Min(128, (count - i) / Vector<byte>.Count) * Vector<byte>.Count;
            var shorts = Vector<ushort>.Zero;
            for (; i < end; i += Vector<byte>.Count)
            {
                Vector.Widen(Unsafe.ReadUnaligned<Vector<byte>>(x + i), out var low, out var high);
                shorts += low + high;
            }
            Vector.Widen(shorts, out var left, out var right);
            sum += (int)Vector.Sum(left + right);
        }
        for (; i < count; i++)
            sum += x[i];
        return sum;
    }
}
