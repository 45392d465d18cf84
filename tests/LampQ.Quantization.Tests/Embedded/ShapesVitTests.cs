using LampQ.Demo;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Quantization.Tests;

[TestClass]
public class ShapesVitTests
{
    [TestMethod]
    public void Model_ThousandPicturesNeverTrainedOn_IsRightFor93Percent()
    {
        var (pixels, labels) = ShapeImages.DrawBatch(ShapeImages.EvaluationSeed, 0, 1000);
        using var session = new InferenceSession(ShapesVit.Path);

        var logits = Run(session, pixels, labels.Length);

        var right = labels.Where((label, i) => Predicted(logits, i) == label).Count();
        Assert.IsTrue(right >= 930, $"{right} of 1000 are right.");
    }

    [TestMethod]
    public void Model_BatchOfThree_GivesTheLogitsOfThePicturesOneByOne()
    {
        var (pixels, _) = ShapeImages.DrawBatch(ShapeImages.EvaluationSeed, 0, 3);
        using var session = new InferenceSession(ShapesVit.Path);

        var together = Run(session, pixels, 3);

        for (var i = 0; i < 3; i++)
        {
            var alone = Run(session, pixels[(i * ShapeImages.Length)..((i + 1) * ShapeImages.Length)], 1);
            // Other batch sizes may sum in another order; logits are about 10, so 10⁻³ is some hundred float roundings.
            for (var c = 0; c < alone.Length; c++)
                Assert.AreEqual(alone[c], together[i * alone.Length + c], 1e-3f);
        }
    }

    [TestMethod]
    public void Model_InputsAndOutputs_AreTheNamedOnesWithADynamicBatch()
    {
        using var session = new InferenceSession(ShapesVit.Path);

        var input = session.InputMetadata[ShapesVit.InputName];
        var output = session.OutputMetadata[ShapesVit.OutputName];
        CollectionAssert.AreEqual(new[] { -1, 3, ShapeImages.Size, ShapeImages.Size }, input.Dimensions);
        CollectionAssert.AreEqual(new[] { -1, ShapeImages.ClassNames.Count }, output.Dimensions);
        Assert.HasCount(1, session.InputMetadata);
        Assert.HasCount(1, session.OutputMetadata);
    }

    [TestMethod]
    public void ClassNamesFile_BesideTheModel_HoldsTheNamesOfTheLabels()
    {
        CollectionAssert.AreEqual(ShapeImages.ClassNames.ToArray(), File.ReadAllLines(ShapesVit.ClassNamesPath));
    }

    static float[] Run(InferenceSession session, float[] pixels, int count)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [count, 3, ShapeImages.Size, ShapeImages.Size]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, [ShapesVit.InputName], [input], [ShapesVit.OutputName]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    static int Predicted(float[] logits, int picture)
    {
        var classes = ShapeImages.ClassNames.Count;
        var ofPicture = logits.AsSpan(picture * classes, classes);
        return ofPicture.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max<float>(ofPicture));
    }
}
