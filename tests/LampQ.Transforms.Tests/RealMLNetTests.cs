#if LAMPQ_REAL_MLNET
using Microsoft.ML;
#endif

namespace LampQ.Transforms.Tests;

/// <summary>What only ML.NET's own packages can show; with the stand-ins of eng/offline these are skipped.</summary>
[TestClass]
[TestCategory("RealMLNet")]
public class RealMLNetTests
{
    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void Trainer_OnQuantizedFeatures_LearnsAndIsLoadedAgain(string format)
    {
#if LAMPQ_REAL_MLNET
        using var work = new Workplace();
        var step = work.Scoring(batchSize: 8, saveAs: format == "onnx" ? OnnxSaveFormat.Instance : SaveFormat.Mapping);
        var chain = step
            .Append(work.ML.Transforms.NormalizeMinMax("Score"))
            .Append(work.ML.MulticlassClassification.Trainers.SdcaMaximumEntropy(featureColumnName: "Score", maximumNumberOfIterations: 5));
        var model = chain.Fit(work.Data(50));
        var before = work.ML.MulticlassClassification.Evaluate(model.Transform(work.Data(50)), scoreColumnName: "Score");
        work.ML.Model.Save(model, work.Data(1).Schema, work.File("model.zip"));

        var after = work.ML.MulticlassClassification.Evaluate(work.ML.Model.Load(work.File("model.zip"), out _).Transform(work.Data(50)), scoreColumnName: "Score");

        Assert.AreEqual(before.LogLoss, after.LogLoss, 1e-4);
#else
        Skip(format);
#endif
    }

#if !LAMPQ_REAL_MLNET
    static void Skip(string what) => Assert.Inconclusive($"Needs ML.NET's own packages ({what}); this build has the stand-ins of eng/offline.");
#endif
}
