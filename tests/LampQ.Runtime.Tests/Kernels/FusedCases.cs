namespace LampQ.Runtime.Tests;

/// <summary>What the tests of the fused operations share.</summary>
static unsafe class FusedCases
{
    /// <summary>Half the distance of neighbouring floats, relative.</summary>
    public const double U = 1.0 / (1 << 24);

    /// <summary>Every kind of vectors this CPU has, the plain loops aside.</summary>
    public static IEnumerable<FloatKernels> Kernels => FloatKernels.All.Where(k => k.IsSupported && k != FloatKernels.Definition);

    /// <summary>One thread, and more threads than some cases have rows.</summary>
    public static IEnumerable<Workers> WorkerCounts => [Workers.Serial, new CountingWorkers(2), new CountingWorkers(5)];

    public static GuardedMemory Guarded<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var memory = new GuardedMemory((long)values.Length * sizeof(T));
        values.CopyTo(new Span<T>(memory.Pointer, values.Length));
        return memory;
    }

    public static float[] Floats(Random random, int count, double scale = 1)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)((random.NextDouble() * 2 - 1) * scale);
        return values;
    }

    public static byte[] Bytes(Random random, int count, int largest = 255)
    {
        var values = new byte[count];
        for (int i = 0; i < count; i++)
            values[i] = (byte)random.Next(largest + 1);
        return values;
    }

    /// <summary>Runs an operation that fills bytes which end at a guard page.</summary>
    public static byte[] Codes(int count, Action<nint> run)
    {
        using var y = new GuardedMemory(count);
        run((nint)y.Pointer);
        return new Span<byte>(y.Pointer, count).ToArray();
    }

    /// <summary>Runs an operation that fills floats which end at a guard page.</summary>
    public static float[] Floats(int count, Action<nint> run)
    {
        using var y = new GuardedMemory((long)count * sizeof(float));
        run((nint)y.Pointer);
        return new Span<float>(y.Pointer, count).ToArray();
    }

    public static void AssertSame(byte[] expected, byte[] actual, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            if (expected[i] != actual[i])
                Assert.Fail($"{what}: code {i} is {actual[i]}, the definition says {expected[i]}.");
    }

    /// <summary>The same bits; one NaN is as good as another.</summary>
    public static void AssertSame(float[] expected, float[] actual, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
                Assert.Fail($"{what}: element {i} is {actual[i]:R}, the definition says {expected[i]:R}.");
    }

    /// <summary>The code is what rounding gives for some value within <paramref name="error"/> of <paramref name="exact"/>: only near a tie is there a choice.</summary>
    public static void AssertCode(double exact, double error, CodeRange range, byte actual, string what)
    {
        int Code(double v) => (int)Math.Clamp(Math.Round(v, MidpointRounding.ToEven) + range.ZeroPoint, range.Low, range.High);
        int least = Code(exact - error), most = Code(exact + error);
        Assert.IsTrue(actual >= least && actual <= most, $"{what}: code {actual}, exactly {exact:R} with an error of {error:G3} gives {least} to {most}.");
    }

    /// <summary>Says that it has several threads and runs the last task first.</summary>
    sealed class CountingWorkers(int count) : Workers
    {
        public override int Count => count;

        protected override void ForCore(int tasks, delegate*<void*, int, void> body, void* state)
        {
            for (int task = tasks - 1; task >= 0; task--)
                body(state, task);
        }
    }
}
