using static LampQ.Runtime.Tests.FusedCases;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class AttentionOperationTests
{
    [TestMethod]
    [DataRow(1, 1, 1, 1, 1), DataRow(1, 2, 5, 7, 9), DataRow(2, 1, 16, 6, 64), DataRow(1, 1, 20, 3, 65), DataRow(1, 3, 63, 13, 17), DataRow(1, 2, 64, 100, 80),
        DataRow(4, 2, 32, 49, 49), DataRow(1, 1, 130, 5, 130), DataRow(1, 1, 4, 2, 300), DataRow(2, 2, 3, 5, 1), DataRow(1, 1, 64, 197, 197)]
    public void Run_AnyShapeAndVectors_ReturnsTheBitsOfTheDefinition(int batch, int heads, int headSize, int queries, int tokens)
    {
        foreach (bool fused in new[] { true, false })
        {
            if (fused && queries != tokens)
                continue;
            using var attention = new Case(batch, heads, headSize, queries, tokens, fused);
            foreach (var description in attention.Descriptions())
                foreach (var bias in attention.Biases())
                {
                    var expected = attention.Run(description, bias, FloatKernels.Definition, Workers.Serial);
                    foreach (var kernels in Kernels)
                        foreach (var workers in WorkerCounts)
                        {
                            string what = $"{kernels}, {batch} x {heads} heads of {headSize}, {queries} queries, {tokens} tokens, bias {bias?.Windows}/{bias?.Heads}, {workers.Count} workers, {description}";
                            var actual = attention.Run(description, bias, kernels, workers);
                            AssertSame(expected.Codes, actual.Codes, what);
                            AssertSame(expected.Floats, actual.Floats, what);
                        }
                }
        }
    }

    [TestMethod]
    public void Run_EveryIntegerKernel_ReturnsTheSameCodes()
    {
        using var attention = new Case(1, 2, 19, 11, 70, fused: false);
        foreach (var description in attention.Descriptions())
        {
            var expected = attention.Run(description, null, FloatKernels.Definition, Workers.Serial);
            foreach (var dot in DotKernel.All.Where(d => d.IsSupported))
            {
                var actual = attention.Run(description, null, FloatKernels.Fastest(), Workers.Serial, dot);
                AssertSame(expected.Codes, actual.Codes, dot.Name);
                AssertSame(expected.Floats, actual.Floats, dot.Name);
            }
        }
    }

    [TestMethod]
    public void Run_BiasesThatMaskOrAreNotNumbers_ReturnsTheBitsOfTheDefinition()
    {
        using var attention = new Case(1, 1, 8, 4, 20, fused: false);
        float[] values = new float[4 * 20];
        // Row 0: half of it masked. Row 1: all of it. Row 2: NaN among numbers. Row 3: infinite.
        for (int t = 0; t < 20; t++)
            (values[t], values[20 + t], values[40 + t], values[60 + t]) =
                (t % 2 == 0 ? 0 : float.NegativeInfinity, float.NegativeInfinity, t == 3 ? float.NaN : t, t == 5 ? float.PositiveInfinity : t);
        foreach (var description in attention.Descriptions())
        {
            var expected = attention.Run(description, new(1, 1, values), FloatKernels.Definition, Workers.Serial);
            foreach (var kernels in Kernels)
            {
                var actual = attention.Run(description, new(1, 1, values), kernels, Workers.Serial);
                AssertSame(expected.Codes, actual.Codes, $"{kernels}");
                AssertSame(expected.Floats, actual.Floats, $"{kernels}");
            }
        }
    }

    [TestMethod]
    [DataRow(false, false), DataRow(false, true), DataRow(true, false), DataRow(true, true)]
    public void Run_Codes_AreThoseOfDoublePrecisionButForTies(bool tensorMap, bool withBias)
    {
        const int heads = 2, headSize = 24, tokens = 50;
        using var attention = new Case(1, heads, headSize, tokens, tokens, fused: true);
        var d = attention.Descriptions().First(x => x.Scale is not null && x.MapScale is not null == tensorMap);
        var bias = withBias ? attention.Biases().Last() : null;
        byte[] y = attention.Run(d, bias, FloatKernels.Fastest(), Workers.Serial).Codes;
        int largest = (1 << d.MapBits) - 1, columns = heads * headSize, unsureCodes = 0;
        for (int head = 0; head < heads; head++)
            for (int query = 0; query < tokens; query++)
            {
                var s = new double[tokens];
                double size = 0;
                for (int t = 0; t < tokens; t++)
                {
                    for (int c = 0; c < headSize; c++)
                        s[t] += (attention.Q(query, head * headSize + c) - d.QZeroPoint) * (attention.K(t, head * headSize + c) - d.KZeroPoint);
                    s[t] = s[t] * d.ScoreScale + (bias?.At(head, query, t, tokens) ?? 0);
                    size = Math.Max(size, Math.Abs(s[t]));
                }
                double[] e = [.. s.Select(v => Math.Exp(v - s.Max()))];
                double l = e.Sum();
                // Scores are multiplied, shifted and subtracted (3 roundings of at most twice the largest); exp adds 1.2e-7, the sum tokens/16 + 4, factors and products 4.
                double relative = U * (6 * size + tokens / 16 + 8) + 2.4e-7;
                var a = new double[tokens];
                var unsure = new double[tokens];
                for (int t = 0; t < tokens; t++)
                {
                    double v = d.MapScale is { } mapScale ? e[t] / l / mapScale : e[t] * largest;
                    double Code(double x) => Math.Clamp(Math.Round(x, MidpointRounding.ToEven) + d.MapZeroPoint, 0, largest) - d.MapZeroPoint;
                    (a[t], unsure[t]) = (Code(v), Code(v * (1 + relative)) - Code(v * (1 - relative)));
                    unsureCodes += unsure[t] > 0 ? 1 : 0;
                }
                for (int c = 0; c < headSize; c++)
                {
                    double acc = 0, error = 0;
                    for (int t = 0; t < tokens; t++)
                    {
                        int v = attention.V(t, head * headSize + c) - d.VZeroPoint;
                        acc += a[t] * v;
                        error += unsure[t] * Math.Abs(v);
                    }
                    double factor = d.ContextScale / (double)d.Scale!.Value / (d.MapScale is null ? l : 1);
                    AssertCode(acc * factor, (error + Math.Abs(acc) * (relative + 4 * U)) * factor, d.Codes, y[query * columns + head * headSize + c], $"head {head}, query {query}, column {c}");
                }
            }
        // Where a code of the map may be one or the other, so may the context; elsewhere the bounds are far below half a step.
        Assert.IsTrue(unsureCodes < heads * tokens * tokens / 100, $"{unsureCodes} codes of the map are near a tie; the case shows little.");
    }

    [TestMethod]
    public void Run_InputsThatContradictTheDescription_ThrowsWithTheReason()
    {
        var operation = new AttentionOperation(new() { Heads = 2, HeadSize = 8, KOffset = 16, ScoreScale = 1, ContextScale = 1 });
        void Refused(AttentionInputs inputs, string reason) =>
            StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(() => operation.Run(inputs, (float*)null, Workers.Serial)).Message, reason);

        var good = new AttentionInputs { QColumns = 16, KColumns = 32, VColumns = 16, Batch = 0, QueryTokens = 1, Tokens = 1 };
        operation.Run(good, (float*)null, Workers.Serial);
        Refused(good with { Tokens = 0 }, "There are 0 tokens");
        Refused(good with { Tokens = 40_000 }, "There are 40000 tokens");
        Refused(good with { Batch = -1 }, "batch -1");
        Refused(good with { KColumns = 31 }, "k has 31 columns; 2 heads of 8 from column 16 need 32");
        Refused(good with { Bias = (float*)8, BiasWindows = 1, BiasHeads = 3 }, "bias is [1, 3, query tokens, tokens]");
        Refused(good with { Bias = (float*)8, BiasWindows = 0, BiasHeads = 1 }, "bias is [0, 1, ");
        Assert.ThrowsExactly<InvalidOperationException>(() => operation.Run(good, (byte*)null, Workers.Serial));
    }

    [TestMethod]
    public void Constructor_ValuesThatCannotBe_ThrowsWithTheReason()
    {
        var good = new AttentionDescription { Heads = 2, HeadSize = 8, ScoreScale = 1, ContextScale = 1, Scale = 1 };
        void Refused(AttentionDescription description, string reason) =>
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new AttentionOperation(description)).Message, reason);

        Refused(good with { Heads = 0 }, "heads is 0");
        Refused(good with { HeadSize = 0 }, "head_size is 0");
        Refused(good with { HeadSize = 20_000 }, "head_size is 20000");
        Refused(good with { Heads = 1_000_000, HeadSize = 10_000 }, "1000000 heads of 10000");
        Refused(good with { VOffset = -1 }, "v_offset is -1");
        Refused(good with { QZeroPoint = -1 }, "q_zero_point is -1");
        Refused(good with { ScoreScale = 0 }, "score_scale is 0");
        Refused(good with { ScoreScale = float.NaN }, "score_scale is NaN");
        Refused(good with { ContextScale = -1 }, "context_scale is -1");
        Refused(good with { MapBits = 9 }, "map_bits is 9");
        Refused(good with { MapScale = 0 }, "map_scale is 0");
        Refused(good with { MapScale = 1, MapBits = 4, MapZeroPoint = 16 }, "map_zero_point is 16; codes of 4 bits end at 15");
        Refused(good with { MapZeroPoint = 1 }, "map_zero_point is 1; a map of rows");
        Refused(good with { MapTable = new([.5f], [0, 1]), MapScale = 1 }, "map_scale and map_zero_point belong to uniform codes");
        Refused(good with { Scale = 0 }, "scale is 0");
        Refused(good with { ContextScale = 1e30f, Scale = 1e-30f }, "context_scale/scale is ");
    }

    [TestMethod]
    public void Table_ThatIsNone_ThrowsWithTheReason()
    {
        void Refused(float[] thresholds, long[] levels, string reason) =>
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new LevelTable(thresholds, levels, "map_")).Message, reason);

        Refused([.5f], [1], "map_levels has 1 elements; 1 thresholds need 2.");
        Refused(new float[257], new long[258], "map_thresholds has 257 elements; at most 256");
        Refused([.5f, .5f], [0, 1, 2], "map_thresholds[1] is 0.5, behind 0.5; ascending");
        Refused([.5f, float.NaN], [0, 1, 2], "map_thresholds[1] is NaN");
        Refused([.5f, float.PositiveInfinity], [0, 1, 2], "map_thresholds[1] is ");
        Refused([.5f], [-1, 1], "map_levels[0] is -1");
        Refused([.5f], [2, 1], "map_levels[1] is 1; 2, the one before it");
        Refused([.5f], [0, 1 << 24], "map_levels[1] is 16777216");
    }

    sealed record Bias(int Windows, int Heads, float[] Values)
    {
        public float At(int head, int query, int token, int tokens) => Values[((Heads == 1 ? 0 : head) * (Values.Length / Windows / Heads / tokens) + query) * tokens + token];
    }

    /// <summary>Codes of q, k and v at guard pages: one tensor three times, or three.</summary>
    sealed class Case : IDisposable
    {
        readonly int batch, heads, headSize, queries, tokens, columns;
        readonly bool fused;
        readonly Random random;
        readonly GuardedMemory q, k, v;

        public Case(int batch, int heads, int headSize, int queries, int tokens, bool fused)
        {
            (this.batch, this.heads, this.headSize, this.queries, this.tokens, this.fused) = (batch, heads, headSize, queries, tokens, fused);
            columns = heads * headSize * (fused ? 3 : 1);
            random = new Random(HashCode.Combine(batch, heads, headSize, queries, tokens));
            q = Guarded<byte>(Bytes(random, batch * queries * columns));
            k = fused ? q : Guarded<byte>(Bytes(random, batch * tokens * columns));
            v = fused ? q : Guarded<byte>(Bytes(random, batch * tokens * columns));
        }

        public int Q(int row, int column) => q.Pointer[row * columns + column];

        public int K(int row, int column) => k.Pointer[row * columns + column + (fused ? heads * headSize : 0)];

        public int V(int row, int column) => v.Pointer[row * columns + column + (fused ? 2 * heads * headSize : 0)];

        public IEnumerable<AttentionDescription> Descriptions()
        {
            int offset = fused ? heads * headSize : 0;
            var row = new AttentionDescription
            {
                Heads = heads, HeadSize = headSize, KOffset = offset, VOffset = 2 * offset, QZeroPoint = 128, KZeroPoint = 128, VZeroPoint = 128,
                ScoreScale = 4f / (MathF.Sqrt(headSize) * 74 * 74), ContextScale = 0.02f / 255, Scale = 0.009f, Codes = new(128),
            };
            yield return row;
            yield return row with { QZeroPoint = 101, KZeroPoint = 140, VZeroPoint = 3, MapBits = 4, ContextScale = 0.02f / 15, Codes = new(20, 5, 90) };
            yield return row with { QZeroPoint = 0, KZeroPoint = 255, Scale = null };
            var tensor = row with { MapScale = 1f / 200, ContextScale = 0.02f / 200 };
            yield return tensor;
            yield return row with { ScoreScale = 0, ScoreScales = [.. Enumerable.Range(1, heads).Select(head => row.ScoreScale * 2 * head / (heads + 1))] };
            yield return tensor with { ScoreScale = 0, ScoreScales = [.. Enumerable.Range(1, heads).Select(head => row.ScoreScale * 3 / head)] };
            yield return tensor with { QZeroPoint = 77, KZeroPoint = 99, VZeroPoint = 200, MapBits = 3, MapScale = 0.02f, MapZeroPoint = 2, Scale = null };
            // Tables of one, two and three bytes: two regions, log2, and levels with no common step; a threshold nothing reaches and one that everything does.
            var coded = row with { ContextScale = 0.02f / 255, MapTable = new([.1f, .3f, .6f, .95f], [0, 1, 17, 40, 255]), TableOfRows = true };
            yield return coded;
            yield return coded with { VZeroPoint = 77, Scale = null };
            coded = tensor with { MapScale = null, ContextScale = 0.02f / 65535, MapTable = new([.. Enumerable.Range(0, 14).Select(i => MathF.Pow(2, i - 14.5f)), 2], [0, .. Enumerable.Range(0, 15).Select(i => 1L << i)]) };
            yield return coded;
            yield return coded with { TableOfRows = true, VZeroPoint = 0, Codes = new(20, 5, 90) };
            coded = coded with { ContextScale = 0.02f / (1 << 24), MapTable = new([0, 1e-4f, 2e-3f, .015f, .1f, .5f], [3, 1000, 70_000, 70_000, 1_000_000, 9_999_999, (1 << 24) - 1]) };
            yield return coded with { VZeroPoint = 201 };
            yield return coded with { Scale = null };
            yield return coded with { MapTable = new([], [200]), Scale = null };
        }

        public IEnumerable<Bias?> Biases()
        {
            yield return null;
            yield return new(1, 1, Floats(random, queries * tokens, 3));
            int windows = batch % 2 == 0 ? 2 : 1;
            yield return new(windows, heads, Floats(random, windows * heads * queries * tokens, 3));
        }

        public (byte[] Codes, float[] Floats) Run(AttentionDescription description, Bias? bias, FloatKernels kernels, Workers workers, DotKernel? dot = null)
        {
            var operation = new AttentionOperation(description, dot, kernels);
            using var biases = Guarded<float>(bias?.Values ?? []);
            var inputs = new AttentionInputs
            {
                Q = q.Pointer, K = k.Pointer, V = v.Pointer, QColumns = columns, KColumns = columns, VColumns = columns, Batch = batch, QueryTokens = queries, Tokens = tokens,
                Bias = bias is null ? null : (float*)biases.Pointer, BiasWindows = bias?.Windows ?? 0, BiasHeads = bias?.Heads ?? 0,
            };
            int count = batch * queries * heads * headSize;
            return description.Scale is null
                ? ([], Floats(count, y => operation.Run(inputs, (float*)y, workers)))
                : (Codes(count, y => operation.Run(inputs, (byte*)y, workers)), []);
        }

        public void Dispose()
        {
            q.Dispose();
            if (fused)
                return;
            k.Dispose();
            v.Dispose();
        }
    }
}
