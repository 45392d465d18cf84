using static LampQ.Runtime.Tests.FusedCases;

namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class LayerNormOperationTests
{
    [TestMethod]
    [DataRow(1), DataRow(2), DataRow(15), DataRow(16), DataRow(17), DataRow(31), DataRow(32), DataRow(33), DataRow(48), DataRow(63), DataRow(64), DataRow(65), DataRow(95), DataRow(192), DataRow(385)]
    public void Run_AnyWidthAndVectors_ReturnsTheBitsOfTheDefinition(int features)
    {
        foreach (int rows in new[] { 1, 7, 40 })
        {
            var random = new Random(features + rows);
            float[] values = Floats(random, rows * features, 3), gamma = Floats(random, features, 2), beta = Floats(random, features);
            if (rows == 7)
                (values[^1], values[3 * features], values[features / 2]) = (float.NaN, float.PositiveInfinity, 3e38f);
            using var x = Guarded<float>(values);
            foreach (var description in Descriptions(gamma, beta))
            {
                var expected = Run(description, FloatKernels.Definition, Workers.Serial, x.Pointer, rows, features);
                foreach (var kernels in Kernels)
                    foreach (var workers in WorkerCounts)
                    {
                        string what = $"{kernels}, {rows} x {features}, {workers.Count} workers, scale {description.Scale}";
                        var actual = Run(description, kernels, workers, x.Pointer, rows, features);
                        AssertSame(expected.Codes, actual.Codes, what);
                        AssertSame(expected.Floats, actual.Floats, what);
                    }
            }
        }
    }

    [TestMethod]
    public void Run_Codes_AreThoseOfDoublePrecisionButForTies()
    {
        const int rows = 30, features = 200;
        var random = new Random(7);
        float[] x = Floats(random, rows * features, 5), gamma = Floats(random, features, 2), beta = Floats(random, features);
        var description = new LayerNormDescription { Gamma = gamma, Beta = beta, Epsilon = 1e-6f, Scale = 0.02f, Codes = new(120) };
        fixed (float* pointer = x)
        {
            byte[] y = Run(description, FloatKernels.Fastest(), Workers.Serial, (byte*)pointer, rows, features).Codes;
            for (int row = 0; row < rows; row++)
            {
                var values = x.Skip(row * features).Take(features).Select(v => (double)v).ToArray();
                double mean = values.Average(), size = values.Average(Math.Abs), r = 1 / Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) + description.Epsilon);
                for (int i = 0; i < features; i++)
                {
                    double g = gamma[i] / 0.02f, z = (values[i] - mean) * r * gamma[i] / description.Scale.Value + beta[i] / description.Scale.Value;
                    // A lane adds D/32 elements and 5 halvings follow: n roundings in the mean, n in the variance (halved by the root); 8 for every single step behind.
                    double n = features / 32 + 6, error = U * ((n + 8) * Math.Abs(g) * r * (size + Math.Abs(values[i] - mean)) + 2 * Math.Abs(beta[i] / 0.02f) + Math.Abs(z));
                    AssertCode(z, error, description.Codes, y[row * features + i], $"row {row}, feature {i}");
                }
            }
        }
    }

    [TestMethod]
    public void Run_RowWithNaN_GivesTheLowestCode()
    {
        float[] x = [1, float.NaN, 3];
        var description = new LayerNormDescription { Gamma = [1, 1, 1], Epsilon = 0, Scale = 1, Codes = new(100, 16, 200) };
        fixed (float* pointer = x)
            CollectionAssert.AreEqual(new byte[] { 16, 16, 16 }, Run(description, FloatKernels.Fastest(), Workers.Serial, (byte*)pointer, 1, 3).Codes);
    }

    [TestMethod]
    public void Constructor_ValuesThatCannotBe_ThrowsWithTheReason()
    {
        var good = new LayerNormDescription { Gamma = [1, 2], Epsilon = 1e-6f, Scale = 0.1f };
        Refused(good with { Gamma = [] }, "The number of features is 0");
        Refused(good with { Beta = [1] }, "beta has 1 elements; 2 are expected");
        Refused(good with { Gamma = [1, float.NaN] }, "gamma[1] is NaN");
        Refused(good with { Beta = [float.PositiveInfinity, 0] }, "beta[0] is ");
        Refused(good with { Epsilon = -1 }, "epsilon is -1");
        Refused(good with { Scale = 0 }, "scale is 0");
        Refused(good with { Scale = float.NaN }, "scale is NaN");
        Refused(good with { Scale = 1e-40f }, "gamma/scale[0] is ");
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new CodeRange(256)).Message, "zero_point is 256");
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new CodeRange(0, 10, 9)).Message, "low 10 and high 9");
    }

    static void Refused(LayerNormDescription description, string reason) =>
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => new LayerNormOperation(description)).Message, reason);

    static IEnumerable<LayerNormDescription> Descriptions(float[] gamma, float[] beta)
    {
        yield return new() { Gamma = gamma, Beta = beta, Epsilon = 1e-6f, Scale = 0.02f, Codes = new(128) };
        yield return new() { Gamma = gamma, Epsilon = 0, Scale = 0.2f, Codes = new(3, 1, 15) };
        yield return new() { Gamma = gamma, Beta = beta, Epsilon = 1e-5f };
    }

    static (byte[] Codes, float[] Floats) Run(LayerNormDescription description, FloatKernels kernels, Workers workers, byte* x, int rows, int features)
    {
        var operation = new LayerNormOperation(description, kernels);
        return description.Scale is null
            ? ([], Floats(rows * features, y => operation.Run((float*)x, rows, (float*)y, workers)))
            : (Codes(rows * features, y => operation.Run((float*)x, rows, (byte*)y, workers)), []);
    }
}
