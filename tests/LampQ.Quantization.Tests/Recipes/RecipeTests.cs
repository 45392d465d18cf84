using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Every recipe as a whole, and that the step which sets it apart is one that counts.</summary>
[TestClass]
public sealed class RecipeTests
{
    const int Images = 8;

    public static IEnumerable<object[]> Names => Recipe.All.Select(r => new object[] { r.Name });

    /// <summary>What each recipe adds to plain min-max quantizers, and the same options without it.</summary>
    static readonly (string Recipe, string Step, Func<QuantizationOptions, QuantizationOptions> Without)[] steps =
    [
        ("lampq+", "ridge-gptq", o => o with { Compensation = ErrorCompensation.None }),
        ("lampq+", "least squared error of weights", o => o with { Compensation = ErrorCompensation.None, WeightQuantizer = WeightQuantizer.MinMax }),
        ("lampq+", "zero points of weights", o => o with { WeightQuantizer = WeightQuantizer.Mse }),
        ("uniform", "ridge-gptq", o => o with { Compensation = ErrorCompensation.None }),
        ("mptq-vit", "SQ-b", o => o with { NormTransformation = null }),
        ("mptq-vit", "the shift of SQ-b", o => o with { NormTransformation = EquivalentTransformation.SmoothQuant }),
        ("lrp-qvit", "clipped reparameterization", o => o with { NormTransformation = null }),
        ("lrp-qvit", "clipping", o => o with { NormTransformation = EquivalentTransformation.LayerNormReparameterization }),
        ("crl-qvit", "clipping", o => o with { NormTransformation = EquivalentTransformation.LayerNormReparameterization }),
        ("vt-ptq", "bias correction", o => o with { Compensation = ErrorCompensation.None }),
        ("adalog", "error of outputs", o => o with { ActivationRange = ActivationRange.Mse }),
        ("lampq", "AdaLog's error of outputs", o => o with { ActivationRange = ActivationRange.Mse }),
        ("erq", "Aqer and Wqer", o => o with { Compensation = ErrorCompensation.None }),
        ("repq-vit", "reparameterization", o => o with { NormTransformation = null }),
        ("repq-vit", "zero points of weights", o => o with { WeightQuantizer = WeightQuantizer.Mse }),
        ("adalog", "zero points of weights", o => o with { WeightQuantizer = WeightQuantizer.OutputMse }),
        ("repq-vit", "percentiles", o => o with { ActivationRange = ActivationRange.MinMax }),
        ("ptq4vit", "error of outputs", o => o with { ActivationRange = ActivationRange.Mse }),
        ("repq-vit", "log-sqrt2", o => o with { MapQuantizer = MapQuantizer.Uniform }),
        ("adalog", "adaptive logarithm of the map", o => o with { MapQuantizer = MapQuantizer.Uniform }),
        ("adalog", "adaptive logarithm behind GELU", o => o with { GeluQuantizer = GeluQuantizer.Uniform }),
        ("lampq", "AdaLog's logarithms", o => o with { MapQuantizer = MapQuantizer.Uniform, GeluQuantizer = GeluQuantizer.Uniform }),
        ("ptq4vit", "twin map", o => o with { MapQuantizer = MapQuantizer.Uniform }),
        ("ptq4vit", "twin uniform behind GELU", o => o with { GeluQuantizer = GeluQuantizer.Uniform }),
        ("fq-vit", "log2", o => o with { MapQuantizer = MapQuantizer.Uniform }),
        ("mptq-vit", "OPT-m", o => o with { GeluQuantizer = GeluQuantizer.Uniform }),
        ("minmax", "ranges without clipping", o => o with { ActivationRange = ActivationRange.Mse }),
    ];

    public static IEnumerable<object[]> Steps => steps.Select((s, i) => new object[] { i, s.Recipe, s.Step });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Quantize_AnyRecipe_GivesAValidModelThatNamesItWithinItsBudget(string name)
    {
        var vit = new TinyVit();
        var recipe = Recipe.Of(name);
        var result = Run(vit, recipe.Options(4));
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
        Assert.AreEqual(name, Model.Read(result.Model.ToBytes()).Metadata["lampq.method"]);
        Assert.IsTrue(result.AverageBits <= 4, $"{result.AverageBits}");
        Assert.AreEqual(recipe.IsMixed, result.Answer is not null);
        Assert.IsTrue(TinyRuns.Outputs(result.Model, TinyRuns.Samples(vit, Images)).Scores.All(s => s.All(float.IsFinite)));
        Assert.IsTrue(recipe.IsMixed || result.Layers.Where(l => l.Type is not (LayerType.PatchEmbedding or LayerType.Head)).All(l => l.Bits == 4));
    }

    [TestMethod]
    [DynamicData(nameof(Steps))]
    public void Quantize_StepLeftOut_GivesAnotherFunction(int index, string name, string step)
    {
        var vit = new TinyVit();
        var options = Recipe.Of(name).Options(3) with { RefinementSteps = 0 };
        var samples = TinyRuns.Samples(vit, Images);
        var with = TinyRuns.Outputs(Run(vit, options).Model, samples);
        var without = TinyRuns.Outputs(Run(vit, steps[index].Without(options)).Model, samples);
        Assert.IsTrue(TinyRuns.Difference(with, without) > 1e-3, $"{name} computes the same without {step}");
    }

    [TestMethod]
    [DataRow("lampq", "type-aware-fisher", "dynamic-programming")]
    [DataRow("mptq-vit", "kl-damage", "greedy")]
    [DataRow("lrp-qvit", "lrp-relevance", "first-block")]
    [DataRow("vt-ptq", "nuclear-norm", "dynamic-programming")]
    public void Quantize_MixedRecipe_MeasuresAndAllocatesAsItsPaper(string name, string metric, string rule)
    {
        var result = Run(new TinyVit { Depth = 4 }, Recipe.Of(name).Options(4));
        Assert.AreEqual(metric, result.Sensitivity!.Metric);
        // An allocation of another rule that happens to be the optimum is proved by the solver.
        if (result.Answer!.Proof.Status != LampQ.Solver.AllocationStatus.Optimal)
            Assert.AreEqual(rule, result.Answer.Proof.Solver);
        Assert.AreEqual(name == "vt-ptq", result.Front.Count > 0);
    }

    [TestMethod]
    public void Quantize_LampQ_UpdatesBitsByMeasuredError() => Assert.IsTrue(Run(new TinyVit(), Recipe.LampQ.Options(4)).Refinement.Count > 0);

    [TestMethod]
    public void Options_OfTheDefaultRecipe_AreThoseOfNew()
    {
        var (recipe, plain) = (Recipe.LampQPlus.Options(), new QuantizationOptions());
        Assert.AreEqual(plain with { Bits = recipe.Bits, BitsFor = recipe.BitsFor }, recipe);
        CollectionAssert.AreEqual(plain.Bits.ToArray(), recipe.Bits.ToArray());
        CollectionAssert.AreEquivalent(plain.BitsFor.ToArray(), recipe.BitsFor.ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Options_OfPublishedRecipes_HoldTheTargetsWidthWhereThePapersDo(string name)
    {
        var recipe = Recipe.Of(name);
        bool published = recipe.Differs != "" || recipe == Recipe.MinMax;
        foreach (int bits in (int[])[2, 3, 4, 6, 8])
        {
            recipe.Options(bits).Validate();
            var (paper, cpu) = (recipe.Options(bits), recipe.Options(bits, QuantizationProfile.Cpu));
            Assert.AreEqual(published ? QuantizationProfile.Paper : QuantizationProfile.Cpu, paper.Profile);
            Assert.AreEqual(published ? bits : 8, paper.ChosenAttentionBits);
            Assert.AreEqual(published ? bits : 8, paper.BitsFor["head"]);
            Assert.AreEqual((QuantizationProfile.Cpu, 8), (cpu.Profile, cpu.ChosenAttentionBits));
        }
    }

    [TestMethod]
    public void Quantize_PaperProfile_LeavesTheImageAt8Bits()
    {
        var vit = new TinyVit();
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit));
        var quantizers = calibration.Quantizers(Recipe.MinMax.Options(3));
        foreach (var layer in calibration.Structure.Layers)
        {
            var plan = quantizers.Plan(layer, 3);
            Assert.AreEqual(layer.Type == LayerType.PatchEmbedding ? 255 : 7, ((AffineQuantizer)plan.Input).High - ((AffineQuantizer)plan.Input).Low, layer.Name);
            Assert.AreEqual(3, plan.Weights.Bits);
        }
    }

    [TestMethod]
    public void Of_UnknownName_ThrowsNamingTheKnownOnes()
    {
        var e = Assert.ThrowsExactly<ArgumentException>(() => Recipe.Of("magic"));
        foreach (var recipe in Recipe.All)
            StringAssert.Contains(e.Message, recipe.Name);
    }

    [TestMethod]
    [DataRow("repq-vit", 3.5, "whole number from 2 to 8")]
    [DataRow("repq-vit", 1, "whole number from 2 to 8")]
    [DataRow("lampq", 9, "1 to 8")]
    [DataRow("lampq+", double.NaN, "1 to 8")]
    public void Options_WidthThatTheRecipeDoesNotTake_ThrowsNamingWhatItTakes(string name, double bits, string expected) =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Recipe.Of(name).Options(bits)).Message, expected);

    [TestMethod]
    public void Quantize_TooFewSamplesForARecipe_ThrowsSayingHowManyItNeeds()
    {
        foreach (var recipe in Recipe.All.Where(r => r.FewestSamples > 1))
        {
            var e = Assert.ThrowsExactly<ArgumentException>(() => Run(new TinyVit(), recipe.Options(4), recipe.FewestSamples - 1));
            StringAssert.Contains(e.Message, $"'{recipe.Name}' needs {recipe.FewestSamples} samples");
        }
    }

    static QuantizationResult Run(TinyVit vit, QuantizationOptions options, int images = Images) =>
        new ModelQuantizer(options with { Run = TinyRuns.Settings }).Quantize(vit.Build(), TinyRuns.Samples(vit, images));
}
