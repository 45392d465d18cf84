namespace LampQ.Quantization.Tests;

/// <summary>What every weight quantizer promises, and what tells them apart.</summary>
[TestClass]
public sealed class WeightQuantizerTests
{
    const int Rows = 6, Columns = 67;

    public static IEnumerable<object[]> Names => WeightQuantizer.All.Select(q => new object[] { q.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_EveryWidth_GivesTheNearestCodeOfTheNarrowRange(string name)
    {
        var weights = RandomRows(seed: 1);
        for (int bits = 2; bits <= 8; bits++)
        {
            var quantized = Named(name).Quantize(weights, Rows, bits);

            int low = -(1 << (bits - 1)), high = (1 << (bits - 1)) - 1;
            Assert.AreEqual(bits, quantized.Bits);
            Assert.AreEqual(Rows, quantized.Scales.Length);
            for (int i = 0; i < weights.Length; i++)
            {
                double scale = quantized.Scales[i / Columns];
                int zeroPoint = quantized.ZeroPoints?[i / Columns] ?? 0;
                Assert.IsTrue(quantized.Codes[i] >= low && quantized.Codes[i] <= high, $"{bits} bits: code {quantized.Codes[i]}");
                Assert.IsTrue(zeroPoint >= low && zeroPoint <= high, $"{bits} bits: zero point {zeroPoint}");
                // No code of the range is nearer; 1e-4 leaves room for the float quotient at a tie.
                double distance = Math.Abs(weights[i] / scale - (quantized.Codes[i] - zeroPoint));
                double nearest = Math.Abs(weights[i] / scale - Math.Clamp(Math.Round(weights[i] / scale), low - zeroPoint, high - zeroPoint));
                Assert.IsTrue(distance <= nearest + 1e-4, $"{bits} bits: {weights[i]} / {scale} became {quantized.Codes[i]}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_Dequantized_IsScaleTimesCodeLessZeroPoint(string name)
    {
        var quantized = Named(name).Quantize(RandomRows(seed: 2), Rows, 4);
        float[] values = quantized.Dequantize();
        for (int i = 0; i < values.Length; i++)
            Assert.AreEqual(quantized.Scales[i / Columns] * (quantized.Codes[i] - (quantized.ZeroPoints?[i / Columns] ?? 0)), values[i]);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_RowOfZeros_HasScaleOneAndLeavesOtherRowsAlone(string name)
    {
        var quantized = Named(name).Quantize([0, 0, 0, 1, -2, .5f], 2, 3);
        Assert.AreEqual(1f, quantized.Scales[0]);
        CollectionAssert.AreEqual(new float[] { 0, 0, 0 }, quantized.Dequantize()[..3]);
        Assert.IsTrue(quantized.Scales[1] > 0 && quantized.Dequantize()[4] < 0);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_OneRowScaledByAPowerOfTwo_ScalesOnlyItsScale(string name)
    {
        var weights = RandomRows(seed: 3);
        var scaled = weights.Select((w, i) => i / Columns == 2 ? w * 8 : w).ToArray();
        var expected = Named(name).Quantize(weights, Rows, 3);
        var actual = Named(name).Quantize(scaled, Rows, 3);
        CollectionAssert.AreEqual(expected.Codes, actual.Codes);
        CollectionAssert.AreEqual(expected.Scales.Select((s, n) => n == 2 ? s * 8 : s).ToArray(), actual.Scales);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_NotFinite_IsRefusedNamingTheRow(string name)
    {
        foreach (float broken in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => Named(name).Quantize([1, 2, 3, broken], 2, 4));
            StringAssert.Contains(error.Message, "Row 1");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_BitsOutsideTwoToEight_AreRefused(string name)
    {
        foreach (int bits in new[] { 0, 1, 9, -3 })
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Named(name).Quantize([1, 2], 1, bits));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_WeightsThatDoNotFormRows_AreRefused(string name)
    {
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Named(name).Quantize([1, 2, 3], 2, 4)).Message, "3 weights");
        Assert.ThrowsExactly<ArgumentException>(() => Named(name).Quantize([1, 2, 3], 0, 4));
        Assert.ThrowsExactly<ArgumentException>(() => Named(name).Quantize([1, 2, 3, 4], 2, 4, [1, 1, 1]));
    }

    [TestMethod]
    public void MinMax_EveryWidth_ClipsNoWeight()
    {
        var weights = RandomRows(seed: 4);
        for (int bits = 2; bits <= 8; bits++)
        {
            var quantized = WeightQuantizer.MinMax.Quantize(weights, Rows, bits);
            float[] rounded = quantized.Dequantize();
            for (int i = 0; i < weights.Length; i++)
                // Half a step, and a few float roundings of numbers up to 2^(bits−1) steps.
                Assert.IsTrue(Math.Abs(weights[i] - rounded[i]) <= quantized.Scales[i / Columns] * (.5 + 1e-4), $"{bits} bits: {weights[i]} became {rounded[i]}");
        }
    }

    [TestMethod]
    public void Mse_EveryRowAndWidth_ErrsNoMoreThanMinMax()
    {
        var weights = RandomRows(seed: 5);
        for (int bits = 2; bits <= 8; bits++)
        {
            var mse = WeightQuantizer.Mse.Quantize(weights, Rows, bits);
            var minMax = WeightQuantizer.MinMax.Quantize(weights, Rows, bits);
            double saved = 0;
            for (int row = 0; row < Rows; row++)
            {
                double own = Error(weights, mse, row), other = Error(weights, minMax, row);
                // Both sums have 67 positive terms in float: 67·2⁻²⁴ relative.
                Assert.IsTrue(own <= other * (1 + 1e-5), $"{bits} bits, row {row}: {own} > {other}");
                saved += other - own;
            }
            if (bits <= 4)
                Assert.IsTrue(saved > 0, "Clipping the tail of a bell curve pays at few bits.");
        }
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(8)]
    public void Mse_ShortRow_ErrsNoMoreThanAnyScaleOfItsGrid(int bits)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            float[] row = [.. Enumerable.Range(0, 9).Select(_ => Bell(random))];
            double half = 1 << (bits - 1), full = Math.Max(row.Max() / (half - 1), -row.Min() / half), best = double.PositiveInfinity;
            for (int step = 0; step <= 80; step++)
            {
                double scale = full * (1 - (bits <= 3 ? .8 : .6) * step / 80);
                best = Math.Min(best, row.Sum(w => Math.Pow(w - scale * Math.Clamp(Math.Round(w / scale), -half, half - 1), 2)));
            }

            var quantized = WeightQuantizer.Mse.Quantize(row, 1, bits);

            // The quantizer's scales are floats: the optimum moves by 2⁻²⁴ of the scale, the error by about 2⁻²³·w·√error.
            Assert.IsTrue(Error(row, quantized, 0) <= best * (1 + 1e-4) + 1e-9, $"seed {seed}: {Error(row, quantized, 0)} > {best}");
        }
    }

    [TestMethod]
    public void Mse_WithInputPower_LowersTheWeightedError()
    {
        var weights = RandomRows(seed: 6);
        // Channels of very different power, as behind GELU.
        var random = new Random(60);
        float[] power = [.. Enumerable.Range(0, Columns).Select(_ => MathF.Exp(3 * Bell(random)))];
        double Weighted(Onnx.QuantizedWeights q)
        {
            float[] rounded = q.Dequantize();
            return weights.Select((w, i) => power[i % Columns] * Math.Pow(w - rounded[i], 2)).Sum();
        }

        double weighted = Weighted(WeightQuantizer.Mse.Quantize(weights, Rows, 3, power)), plain = Weighted(WeightQuantizer.Mse.Quantize(weights, Rows, 3));

        Assert.IsTrue(weighted < plain, $"{weighted} is not below {plain}");
    }

    [TestMethod]
    public void Mse_UniformInputPower_ChangesNothing()
    {
        var weights = RandomRows(seed: 7);
        var plain = WeightQuantizer.Mse.Quantize(weights, Rows, 4);
        var powered = WeightQuantizer.Mse.Quantize(weights, Rows, 4, Enumerable.Repeat(2f, Columns).ToArray());
        CollectionAssert.AreEqual(plain.Codes, powered.Codes);
        CollectionAssert.AreEqual(plain.Scales, powered.Scales);
    }

    /// <summary>Rows that lie on one side of 0, or lean to one: what a zero point is for.</summary>
    [TestMethod]
    [DataRow(2), DataRow(3), DataRow(4), DataRow(8)]
    public void AsymmetricMse_RowsThatLean_ErrsLessThanTheSymmetricOneAndThanThePercentiles(int bits)
    {
        var random = new Random(8);
        float[] weights = [.. Enumerable.Range(0, Rows * Columns).Select(i => Bell(random) + i / Columns)];
        var (own, symmetric, percentile) = (WeightQuantizer.AsymmetricMse.Quantize(weights, Rows, bits), WeightQuantizer.Mse.Quantize(weights, Rows, bits), WeightQuantizer.AsymmetricPercentile.Quantize(weights, Rows, bits));
        for (int row = 0; row < Rows; row++)
        {
            // At 8 bits the end of a row decides, between two scales of the search.
            Assert.IsTrue(bits == 8 || Error(weights, own, row) <= Error(weights, percentile, row) * (1 + 1e-5), $"row {row}");
            if (row > 1)
                Assert.IsTrue(Error(weights, own, row) < 0.8 * Error(weights, symmetric, row), $"row {row}: {Error(weights, own, row)} against {Error(weights, symmetric, row)}");
        }
        Assert.IsTrue(own.ZeroPoints![Rows - 1] < 0);
    }

    [TestMethod]
    public void AsymmetricPercentile_LongRow_SpansTheQuantilesWithAllItsCodes()
    {
        float[] row = [.. Enumerable.Range(0, 2001).Select(i => i / 200f)];
        var quantized = WeightQuantizer.AsymmetricPercentile.Quantize(row, 1, 4);
        Assert.AreEqual(-8, quantized.Codes.Min());
        Assert.AreEqual(7, quantized.Codes.Max());
        Assert.AreEqual(-8, quantized.ZeroPoints![0]);
        Assert.AreEqual(10 / 15f, quantized.Scales[0], 0.01f * 10 / 15);
    }

    static WeightQuantizer Named(string name) => WeightQuantizer.All.Single(q => q.Name == name);

    static double Error(float[] weights, Onnx.QuantizedWeights quantized, int row)
    {
        int columns = quantized.Columns;
        float[] rounded = quantized.Dequantize();
        double sum = 0;
        for (int i = row * columns; i < (row + 1) * columns; i++)
            sum += Math.Pow((double)weights[i] - rounded[i], 2);
        return sum;
    }

    static float[] RandomRows(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Rows * Columns).Select(_ => Bell(random))];
    }

    static float Bell(Random random) => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
