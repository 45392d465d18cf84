using System.Runtime.InteropServices;
using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

/// <summary>Each fused operator on the values ONNX Runtime has there: the same codes but for ties, the same floats.</summary>
[TestClass]
public class OnnxRuntimeCodesTests
{
    /// <summary>
    /// Steps: values of up to 256 steps are rounded at most six times on the way to the quantizer, by half of 2⁻²³ each, in both programs: 6·256·2⁻²⁴ = 9.2e-5.
    /// On DeiT-Tiny most differing codes lie within 1e-5 of a tie and all within 5e-5.
    /// </summary>
    const double Tie = 1e-4;

    [TestMethod]
    [DataRow(8)]
    [DataRow(4)]
    public void FusedOperators_OnOnnxRuntimesValues_DifferFromItsCodesAtTiesOnly(int bits)
    {
        var spelling = new TinyVit { Dim = 48, Heads = 3, ImageSize = 32, Norm = NormForm.Op };
        var image = spelling.Images(1, 11);
        Check(QdqModels.Portable(QdqModels.Prepared(spelling.Build(), opset: 17), image, bits), image, spelling.Depth);
    }

    [TestMethod]
    [DynamicData(nameof(CodedMaps.All), typeof(CodedMaps))]
    public void FusedOperators_WithOtherThanUniformCodesOfTheMap_DifferAtTiesOnly(string _, MapCode map)
    {
        var spelling = new TinyVit { Dim = 48, Heads = 3, ImageSize = 32, Norm = NormForm.Op };
        var image = spelling.Images(1, 11);
        Check(QdqModels.Portable(QdqModels.Prepared(spelling.Build(), opset: 17), image, map: map), image, spelling.Depth);
    }

    [TestMethod]
    [DataRow(8)]
    [DataRow(4)]
    public void BlocksOfDeitTiny_OnOnnxRuntimesValues_DifferFromItsCodesAtTiesOnly(int bits)
    {
        var model = QdqModels.Prepared(Model.Read(SharedData.Require("models/deit_tiny_patch16_224.onnx")), opset: 17);
        var image = Waves();
        Check(QdqModels.Portable(model, image, bits), image, blocks: 3);
    }

    /// <summary>Waves with noise: values of every size, and patches that differ.</summary>
    static Tensor Waves()
    {
        const int Side = 224;
        var random = new Random(3);
        var pixels = new float[3 * Side * Side];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (float)(Math.Sin(i % Side / 17.0 + i / (Side * Side)) + Math.Cos(i / Side % Side / 23.0) + random.NextDouble() - .5);
        return Tensor.Of(pixels, [1, 3, Side, Side]);
    }

    static void Check(Model qdq, Tensor image, int blocks)
    {
        var (codes, floats) = OperatorByOperator.Compare(qdq, image, optimized: true, blocks);
        var operators = codes.GroupBy(c => c.Operator).ToArray();
        Assert.AreEqual(5 * blocks, operators.Length, "Two norms, two layers that return codes and one attention a block.");
        foreach (var op in operators)
        {
            var differ = op.Where(c => c.Ours != c.Theirs).ToArray();
            Console.WriteLine($"{op.Key}: {op.Count()} codes, {differ.Length} differ, at most {differ.Select(c => c.DistanceToTie).DefaultIfEmpty(0).Max():G3} steps from a tie");
            foreach (var c in differ)
            {
                Assert.AreEqual(1, Math.Abs(c.Ours - c.Theirs), $"{op.Key}: {c}");
                Assert.IsTrue(c.DistanceToTie <= Tie, $"{op.Key}: {c} is {c.DistanceToTie:G3} steps from a tie.");
            }
        }

        Assert.AreEqual(2 * blocks, floats.Select(f => f.Operator).Distinct().Count(), "Two layers a block add to the residual stream.");
        // Elsewhere ONNX Runtime's compiler may contract products and sums.
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
            foreach (var f in floats)
                Assert.AreEqual(BitConverter.SingleToInt32Bits(f.Theirs), BitConverter.SingleToInt32Bits(f.Ours), $"{f}");
    }
}
