using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>Written layers in ONNX Runtime, as written and optimized, against the product of what their codes stand for.</summary>
[TestClass]
public class QdqLinearTests
{
    static readonly AffineQuantizer input = new(.01f, 128, 0, 255);

    readonly Model model = Model.Create(21);

    Graph G => model.Graph;

    [TestMethod]
    [DataRow(2, WeightContainer.Int8), DataRow(2, WeightContainer.Int4), DataRow(3, WeightContainer.Int8)]
    public void Write_WeightOnTheLeft_StaysOnTheLeft(int rank, WeightContainer container)
    {
        const int N = 4, K = 6, M = 3;
        var x = RandomTensors.Floats(1, rank == 2 ? [K, M] : [1, K, M]);
        G.AddOutput(G.Emit("Relu", [G.Emit("MatMul", [G.AddInitializer("w", RandomTensors.Floats(2, N, K)), G.AddInput("x", ElementType.Float, [.. x.Shape.Select(d => (Dimension)d)])])], "y"));
        ShapeInference.Infer(model);
        var layer = ModelFamily.Generic.FindLayers(model).Single();
        var weights = new QuantizedWeights(4, N, K, [.. layer.WeightTensor.ToFloats().Select(w => (sbyte)MathF.Round(w * 7))], [.1f, .2f, .3f, .4f]);

        QdqLinear.Write(new QdqActivation(G), layer, weights, input, container, bias: null, isFlat: rank == 2);

        float[] w = weights.Dequantize(), read = Array.ConvertAll(x.ToFloats(), input.Apply);
        var expected = new float[N * M];
        for (int n = 0; n < N; n++)
            for (int m = 0; m < M; m++)
                expected[n * M + m] = Math.Max(0, Enumerable.Range(0, K).Sum(k => w[n * K + k] * read[k * M + m]));
        AssertReturns(expected, x, tolerance: 1e-5f);
    }

    [TestMethod]
    public void Write_RowsOfZerosOrTinyWeightsBehindA2DInput_KeepTheirBias()
    {
        const int N = 5, K = 8, M = 3;
        var x = RandomTensors.Floats(1, M, K);
        float[] bias = [.01f, .01f, .7f, .3f, 0];
        G.AddOutput(G.Emit("Relu", [G.Emit("Gemm", [G.AddInput("x", ElementType.Float, M, K), G.AddInitializer("w", RandomTensors.Floats(2, K, N)), G.AddInitializer("b", Tensor.Of(bias))])], "y"));
        ShapeInference.Infer(model);
        var layer = ModelFamily.Generic.FindLayers(model).Single();
        // Zeros with scale 1; zeros at a zero point; decayed to 1e-11; as usual; zeros without bias.
        var codes = new sbyte[N * K];
        Array.Fill(codes, (sbyte)-3, K, K);
        for (int i = 2 * K; i < 4 * K; i++)
            codes[i] = (sbyte)(i % 2 == 0 ? 5 : -7);
        var weights = new QuantizedWeights(4, N, K, codes, [1, 1, 1e-12f, 1e-3f, 1], [0, -3, 0, 0, 0]);

        QdqLinear.Write(new QdqActivation(G), layer, weights, input, WeightContainer.Int8, bias, isFlat: true);

        float[] w = weights.Dequantize(), read = Array.ConvertAll(x.ToFloats(), input.Apply);
        var expected = new float[M * N];
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++)
                expected[m * N + n] = Math.Max(0, bias[n] + Enumerable.Range(0, K).Sum(k => w[n * K + k] * read[m * K + k]));
        // The usual row rounds its bias to input scale · weight scale = 1e-5.
        AssertReturns(expected, x, tolerance: 6e-6f);
    }

    void AssertReturns(float[] expected, Tensor x, float tolerance)
    {
        G.RemoveUnused();
        G.Sort();
        foreach (bool optimize in new[] { false, true })
        {
            using var session = new OnnxSession(model, new OnnxSessionOptions { Optimize = optimize, Threads = 1 });
            float[] actual = session.Run(new Dictionary<string, Tensor> { ["x"] = x })[0].ToFloats();
            Assert.AreEqual(expected.Length, actual.Length);
            for (int i = 0; i < expected.Length; i++)
                Assert.AreEqual(expected[i], actual[i], tolerance, $"optimized: {optimize}, element {i}");
        }
    }
}
