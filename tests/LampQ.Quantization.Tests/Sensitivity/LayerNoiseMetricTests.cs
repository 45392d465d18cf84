using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Metrics made of the output error of each layer: sqnr and nuclear-norm.</summary>
[TestClass]
public sealed class LayerNoiseMetricTests
{
    static readonly TinyVit Vit = new() { ImageSize = 16 };

    [TestMethod]
    [DataRow(QuantizationProfile.Cpu)]
    [DataRow(QuantizationProfile.Paper)]
    public void Sqnr_OfEveryLayer_IsNoiseOverSignalOfItsProducts(QuantizationProfile profile)
    {
        var context = TinyRuns.Context(TinyRuns.Calibrate(Vit, TinyRuns.Samples(Vit)), TinyRuns.Options with { Profile = profile, Bits = [2, 4, 8] });
        var measured = SensitivityMetric.Sqnr.Measure(context);
        foreach (var (group, sensitivity) in context.Groups.Zip(measured.Groups))
            foreach (int bits in context.Bits)
            {
                if (group.Type == LayerType.PatchEmbedding)
                    continue;
                var (noise, signal) = Products(context, group.Layers[0], bits);
                double expected = noise / signal;
                Assert.AreEqual(expected, sensitivity.Damage[bits], 1e-3 * expected + 1e-9, $"{group.Name} at {bits} bits");
            }
    }

    [TestMethod]
    public void Sqnr_SeparateQkv_CountsAsTheOneLayerItIsWhenFused()
    {
        double[][] damages = [.. new[] { QkvForm.Gather, QkvForm.Separate }.Select(form =>
        {
            var vit = Vit with { Qkv = form };
            var context = TinyRuns.Context(TinyRuns.Calibrate(vit, TinyRuns.Samples(vit)), TinyRuns.Options with { Bits = [3] });
            var measured = SensitivityMetric.Sqnr.Measure(context).Groups;
            return context.Groups.Zip(measured).Where(p => p.First.Type == LayerType.Qkv).Select(p => p.Second.Damage[3]).ToArray();
        })];
        Assert.AreEqual(2, damages[0].Length);
        for (int block = 0; block < 2; block++)
            Assert.AreEqual(damages[0][block], damages[1][block], 1e-3 * damages[0][block]);
    }

    [TestMethod]
    public void NuclearNorm_OfEveryLayer_IsTheNormOfItsModuleTimesItsOutputError()
    {
        var context = TinyRuns.Context(TinyRuns.Calibrate(Vit, TinyRuns.Samples(Vit)), TinyRuns.Options with { Bits = [2, 4] });
        var structure = context.Calibration.Structure;
        var measured = SensitivityMetric.NuclearNorm.Measure(context).Groups.ToDictionary(g => g.Group);
        foreach (var group in context.Groups.Where(g => g.Layers[0].Block >= 0))
        {
            var layer = group.Layers[0];
            bool isAttention = layer.Type is LayerType.Qkv or LayerType.Proj;
            var module = isAttention ? structure.Attentions.Single(a => a.Block == layer.Block).Softmax.Output
                : structure.Layers.Single(l => l.Block == layer.Block && l.Type == LayerType.Fc2).Output;
            int columns = (int)module.Shape![^1].Size!, rows = (int)module.Shape[^2].Size!;
            double norm = TinyRuns.Values(context.Calibration.Model, module.Name, context.Samples).Average(values =>
                values.Chunk(rows * columns).Average(matrix => SlowNuclearNorm(matrix, rows)));
            foreach (int bits in context.Bits)
            {
                double expected = norm * Products(context, layer, bits).Noise / context.Samples.Count;
                Assert.AreEqual(expected, measured[group.Name].Damage[bits], 1e-3 * expected, $"{group.Name} at {bits} bits");
            }
        }
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(1, 7)]
    [DataRow(5, 5)]
    [DataRow(9, 4)]
    [DataRow(17, 40)]
    public void SingularValues_OfARandomMatrix_AreThoseOfJacobi(int rows, int columns)
    {
        var random = new Random(rows * 100 + columns);
        float[] matrix = [.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() * 2 - 1)];
        double expected = SlowNuclearNorm(matrix, rows);
        Assert.AreEqual(expected, SingularValues.Of(matrix, rows).Sum(), 1e-6 * expected);
        // A row twice: one singular value is 0.
        if (rows > 1)
            matrix.AsSpan(0, columns).CopyTo(matrix.AsSpan(columns));
        expected = SlowNuclearNorm(matrix, rows);
        Assert.AreEqual(expected, SingularValues.Of(matrix, rows).Sum(), 1e-6 * expected);
    }

    [TestMethod]
    public void SingularValues_OfNothingAndOfOnes_AreZeroAndOneValue()
    {
        Assert.AreEqual(0, SingularValues.Of(new float[12], 3).Sum());
        Assert.AreEqual(Math.Sqrt(12), SingularValues.Of(Enumerable.Repeat(1f, 12).ToArray(), 3).Sum(), 1e-6);
    }

    static (double Noise, double Signal) Products(SensitivityContext context, QuantizableLayer layer, int bits)
    {
        var plan = context.Quantizers.Plan(layer, bits);
        float[] weight = layer.ReadWeight(), rounded = plan.Weights.Dequantize(), bias = layer.ReadBias();
        bool withInput = context.Options.Profile == QuantizationProfile.Paper;
        int K = layer.InputChannels;
        double noise = 0, signal = 0;
        foreach (float[] x in TinyRuns.Values(context.Calibration.Model, layer.Input.Name, context.Samples))
            for (int row = 0; row < x.Length / K; row++)
                for (int n = 0; n < layer.OutputChannels; n++)
                {
                    double exact = 0, quantized = 0;
                    for (int k = 0; k < K; k++)
                    {
                        float value = x[row * K + k];
                        exact += (double)weight[n * K + k] * value;
                        quantized += (double)rounded[n * K + k] * (withInput ? plan.Input.Apply(value) : value);
                    }
                    noise += (quantized - exact) * (quantized - exact);
                    signal += (exact + bias[n]) * (exact + bias[n]);
                }
        return (noise, signal);
    }

    /// <summary>Σ of the lengths of the rows once plane rotations have made them orthogonal (one-sided Jacobi).</summary>
    static double SlowNuclearNorm(float[] matrix, int rows)
    {
        double[][] a = [.. matrix.Chunk(matrix.Length / rows).Select(r => r.Select(v => (double)v).ToArray())];
        for (int sweep = 0; sweep < 60; sweep++)
            for (int p = 0; p < rows; p++)
                for (int q = p + 1; q < rows; q++)
                {
                    double alpha = a[p].Sum(v => v * v), beta = a[q].Sum(v => v * v), gamma = a[p].Zip(a[q], (u, v) => u * v).Sum();
                    if (Math.Abs(gamma) <= 1e-15 * Math.Sqrt(alpha * beta))
                        continue;
                    double zeta = (beta - alpha) / (2 * gamma), t = Math.CopySign(1, zeta) / (Math.Abs(zeta) + Math.Sqrt(1 + zeta * zeta)), c = 1 / Math.Sqrt(1 + t * t), s = c * t;
                    for (int i = 0; i < a[p].Length; i++)
                        (a[p][i], a[q][i]) = (c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]);
                }
        return a.Sum(r => Math.Sqrt(r.Sum(v => v * v)));
    }
}
