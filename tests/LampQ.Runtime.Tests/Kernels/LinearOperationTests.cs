using LampQ.Onnx;
using static LampQ.Runtime.Tests.FusedCases;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class LinearOperationTests
{
    [TestMethod]
    [DataRow(1, 1, 1), DataRow(1, 5, 16), DataRow(6, 33, 17), DataRow(7, 32, 63), DataRow(13, 64, 64), DataRow(5, 31, 65), DataRow(12, 66, 130), DataRow(50, 96, 192)]
    public void Run_AnyShapeAndVectors_ReturnsTheBitsOfTheDefinition(int m, int k, int n)
    {
        foreach (int bits in new[] { 2, 3, 4, 8 })
            foreach (bool zeroPoints in new[] { false, true })
            {
                using var linear = new Case(m, k, n, bits, zeroPoints);
                foreach (var description in linear.Descriptions())
                {
                    var expected = linear.Run(description, FloatKernels.Definition, Workers.Serial);
                    foreach (var kernels in Kernels)
                        foreach (var workers in WorkerCounts)
                        {
                            string what = $"{kernels}, {m} x {k} x {n}, {bits} bits, {description.Output?.Activation?.Name ?? "no activation"}, {workers.Count} workers";
                            var actual = linear.Run(description, kernels, workers);
                            AssertSame(expected.Codes, actual.Codes, what);
                            AssertSame(expected.Floats, actual.Floats, what);
                        }
                }
            }
    }

    [TestMethod]
    [DataRow("none"), DataRow("gelu"), DataRow("gelu-tanh"), DataRow("quick-gelu"), DataRow("relu")]
    public void Run_Codes_AreThoseOfDoublePrecisionButForTies(string name)
    {
        using var linear = new Case(20, 70, 50, 4, zeroPoints: true);
        var description = linear.Quantizing(GatedActivation.Parse(name), 0, 255);
        var output = description.Output!;
        byte[] y = linear.Run(description, FloatKernels.Fastest(), Workers.Serial).Codes;
        for (int i = 0; i < y.Length; i++)
        {
            int n = i % linear.N;
            double product = linear.Sum(i / linear.N, n) * (double)description.Multiplier[n], bias = description.Bias![n], v = product + bias;
            double exact = GatedActivationTests.Exact(name == "none" ? "" : name, v);
            if (name == "none")
                exact = v;
            // float(acc), both products and the sum round once each; an activation is no steeper than 1.2, and itself within 5e-7 and two roundings.
            double error = (1.2 * U * (3 * Math.Abs(product) + 2 * Math.Abs(bias) + Math.Abs(v)) + (name == "none" ? 0 : 5e-7 + 3 * U * Math.Abs(exact))) * Math.Abs(output.Multiplier[n]);
            AssertCode(exact * output.Multiplier[n], error, new(output.ZeroPoint![n]), y[i], $"{name}, element {i}");
        }
    }

    [TestMethod]
    public void Run_EveryIntegerKernel_ReturnsTheSameCodes()
    {
        using var linear = new Case(14, 50, 90, 4, zeroPoints: true);
        var description = linear.Quantizing(GatedActivation.Gelu, 0, 255);
        byte[] expected = linear.Run(description, FloatKernels.Definition, Workers.Serial).Codes;
        foreach (var dot in DotKernel.All.Where(d => d.IsSupported))
            AssertSame(expected, linear.Run(description, FloatKernels.Fastest(), Workers.Serial, dot).Codes, dot.Name);
    }

    [TestMethod]
    public void Constructor_ValuesThatCannotBe_ThrowsWithTheReason()
    {
        var weight = stackalloc byte[64];
        var good = new LinearDescription
        {
            OutFeatures = 2, InFeatures = 3, Bits = 8, Multiplier = [1, 1], Bias = [0, 0], WeightZeroPoint = [1, -1],
            Output = new() { Multiplier = [1, 1], ZeroPoint = [0, 0] },
        };
        var output = good.Output!;
        _ = new LinearOperation(good, weight, 64);
        void Refused(LinearDescription description, string reason, long bytes = 64) =>
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new LinearOperation(description, weight, bytes)).Message, reason);

        Refused(good, "weight has 63 bytes; 2 x 3 at 8 bits are packed into 64", 63);
        Refused(good with { Bits = 1 }, "bits is 1");
        Refused(good with { Bits = 9 }, "bits is 9");
        Refused(good with { OutFeatures = 0 }, "out_features is 0");
        Refused(good with { InFeatures = 0 }, "in_features is 0");
        Refused(good with { InFeatures = 40_000 }, "in_features is 40000");
        Refused(good with { OutFeatures = 65 }, "weight has 64 bytes");
        Refused(good with { XZeroPoint = 256 }, "x_zero_point is 256");
        Refused(good with { XOffset = -1 }, "x_offset is -1");
        Refused(good with { XOffset = 1 }, "x_offset is 1 and x_columns 3; 3 features");
        Refused(good with { XColumns = 2 }, "x_offset is 0 and x_columns 2; 3 features");
        Refused(good with { Multiplier = [1] }, "multiplier has 1 elements; 2 are expected");
        Refused(good with { Multiplier = [1, float.NaN] }, "multiplier[1] is NaN");
        Refused(good with { Bias = [float.NegativeInfinity, 0] }, "bias[0] is ");
        Refused(good with { Bias = [] }, "bias has 0 elements");
        Refused(good with { WeightZeroPoint = [0, 128] }, "weight_zero_point[1] is 128");
        Refused(good with { WeightZeroPoint = [0] }, "weight_zero_point has 1 elements");
        Refused(good with { Output = output with { Multiplier = [1] } }, "output_multiplier has 1 elements");
        Refused(good with { Output = output with { Multiplier = [float.NaN, 1] } }, "output_multiplier[0] is NaN");
        Refused(good with { Output = output with { ZeroPoint = [1] } }, "output_zero_point has 1 elements");
        Refused(good with { Output = output with { Low = 9, High = 8 } }, "low 9 and high 8");
        Refused(good with { Multiplier = [1e30f, 1], Output = output with { Multiplier = [1e30f, 1] } }, "multiplier times output_multiplier[0] is ");
    }

    [TestMethod]
    public void Run_OtherOutputThanDescribed_Throws()
    {
        using var linear = new Case(1, 4, 4, 8, false);
        var codes = new LinearOperation(linear.Quantizing(null, 0, 255), linear.Weight, linear.WeightBytes);
        var floats = new LinearOperation(linear.Quantizing(null, 0, 255) with { Output = null }, linear.Weight, linear.WeightBytes);
        Assert.ThrowsExactly<InvalidOperationException>(() => codes.Run(null, 0, null, null, Workers.Serial));
        Assert.ThrowsExactly<InvalidOperationException>(() => floats.Run(null, 0, null, Workers.Serial));
    }

    /// <summary>A layer and rows for it, all of it at guard pages.</summary>
    sealed class Case : IDisposable
    {
        readonly int m, k, bits;
        readonly Random random;
        readonly sbyte[] codes;
        readonly int[]? zeroPoints;
        readonly GuardedMemory x, packed, residual;

        public Case(int m, int k, int n, int bits, bool zeroPoints)
        {
            (this.m, this.k, N, this.bits) = (m, k, n, bits);
            random = new Random(HashCode.Combine(m, k, n, bits));
            int half = 1 << (bits - 1);
            codes = [.. Enumerable.Range(0, n * k).Select(_ => (sbyte)random.Next(-half, half))];
            this.zeroPoints = zeroPoints ? [.. Enumerable.Range(0, n).Select(_ => random.Next(-half, half))] : null;
            ZeroPoint = zeroPoints ? 117 : 0;
            x = Guarded<byte>(Bytes(random, m * k));
            packed = Guarded<byte>(PackedWeights.Pack(codes, n, k, bits));
            residual = Guarded<float>(Floats(random, m * n));
        }

        public int N { get; }

        public int ZeroPoint { get; }

        public byte* Weight => packed.Pointer;

        public long WeightBytes => PackedWeights.SizeInBytes(N, k, bits);

        public int Sum(int row, int channel)
        {
            int sum = 0;
            for (int i = 0; i < k; i++)
                sum += (x.Pointer[row * k + i] - ZeroPoint) * (codes[channel * k + i] - (zeroPoints?[channel] ?? 0));
            return sum;
        }

        /// <summary>Scales that spread the results over some 6 units of a float and over the codes.</summary>
        public LinearDescription Quantizing(GatedActivation? activation, int low, int high)
        {
            var values = new Random(N);
            float size = 3f / (MathF.Sqrt(k) * 80 * (1 << (bits - 1)));
            return new()
            {
                OutFeatures = N, InFeatures = k, Bits = bits, XZeroPoint = ZeroPoint, WeightZeroPoint = zeroPoints,
                Multiplier = [.. Enumerable.Range(0, N).Select(_ => size * (0.5f + values.NextSingle()))], Bias = Floats(values, N),
                Output = new()
                {
                    Multiplier = [.. Enumerable.Range(0, N).Select(_ => 30 * (0.5f + values.NextSingle()))], ZeroPoint = Bytes(values, N),
                    Activation = activation, Low = low, High = high,
                },
            };
        }

        public IEnumerable<LinearDescription> Descriptions()
        {
            var codes = Quantizing(null, 0, 255);
            yield return codes;
            yield return Quantizing(null, 3, 60) with { Bias = null };
            foreach (var activation in GatedActivation.All())
                yield return Quantizing(activation, 0, 255);
            yield return Quantizing(GatedActivation.Gelu, 10, 15);
            yield return codes with { Output = codes.Output! with { Multiplier = [.. codes.Output.Multiplier.Select((f, i) => i % 2 == 0 ? f * 1e30f : -f)] } };
            yield return codes with { Output = null };
            yield return codes with { Output = null, Bias = null };
            // Levels of one, two and three bytes, with an activation and without.
            foreach (long largest in new[] { 255L, 4_000, (1 << 24) - 1 })
            {
                var table = new LevelTable([-12, -1.5f, -.1f, 0, .1f, 2, 11, 29, 60], [.. Enumerable.Range(0, 10).Select(i => largest * i * i / 81)]);
                yield return codes with { Output = codes.Output! with { Table = table } };
                yield return Quantizing(GatedActivation.Gelu, 0, 255) with { Output = codes.Output! with { Table = table, Activation = GatedActivation.Gelu } };
            }
        }

        public (byte[] Codes, float[] Floats) Run(LinearDescription description, FloatKernels kernels, Workers workers, DotKernel? dot = null)
        {
            var operation = new LinearOperation(description, Weight, WeightBytes, dot, kernels);
            return description.Output is null
                ? ([], Floats(m * N, y => operation.Run(x.Pointer, m, description.Bias is null ? null : (float*)residual.Pointer, (float*)y, workers)))
                : (Codes(m * operation.OutColumns, y => operation.Run(x.Pointer, m, (byte*)y, workers)), []);
        }

        public void Dispose()
        {
            x.Dispose();
            packed.Dispose();
            residual.Dispose();
        }
    }
}
