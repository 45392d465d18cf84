using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Everything a test needs to calibrate and run a <see cref="TinyVit"/>: samples, settings, and the stages before the one under test.</summary>
static class TinyRuns
{
    /// <summary>One image at a time, because most spellings fix the batch at 1, and one thread, so that sums have one order.</summary>
    public static RunSettings Settings { get; } = new() { BatchSize = 1, Session = new() { Threads = 1 } };

    /// <summary>As <see cref="Settings"/>, with the model run as it is written.</summary>
    public static RunSettings AsWritten { get; } = Settings with { Session = Settings.Session with { Optimize = false } };

    /// <summary>Without error compensation, which has tests of its own: what is left is a function of weights and widths alone.</summary>
    public static QuantizationOptions Options { get; } = new() { Run = Settings, RefinementSteps = 4, SensitivityImages = 3, Compensation = ErrorCompensation.None };

    public static SampleSet Samples(TinyVit vit, int count = 3, int seed = 7, int[]? labels = null)
    {
        float[] pixels = vit.Images(count, seed).ToFloats();
        int each = pixels.Length / count;
        return SampleSet.FromTensors([vit.Channels, vit.ImageSize, vit.ImageSize],
            [.. Enumerable.Range(0, count).Select(i => pixels.AsSpan(i * each, each).ToArray())], labels);
    }

    /// <summary>Constants folded, shapes known, opset high enough: what the pipeline calibrates.</summary>
    public static Model Prepared(Model model, int opset = 13)
    {
        var folded = new ConstantFolding().Apply(model);
        if (folded.Opset < opset)
            folded = new OpsetUpgrade(opset).Apply(folded);
        ShapeInference.Infer(folded);
        return folded;
    }

    public static Calibration Calibrate(TinyVit vit, SampleSet samples, int opset = 13) => Calibration.Of(Prepared(vit.Build(), opset), samples, Settings);

    public static ModelOutputs Outputs(Model model, SampleSet samples, RunSettings? settings = null)
    {
        using var session = new OnnxSession(model, (settings ?? Settings).Session);
        return ModelOutputs.Of(session, samples, settings ?? Settings);
    }

    /// <summary>Values of a model for one sample after the other.</summary>
    public static float[][] Values(Model model, string name, SampleSet samples)
    {
        var probe = model.Clone();
        if (!probe.Graph.Find(name)!.IsGraphOutput)
            probe.Graph.AddOutput(probe.Graph.Find(name)!);
        using var session = new OnnxSession(probe, Settings.Session);
        return [.. samples.Tensors(Settings).Select(x => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = x }, [name])[0].ToFloats())];
    }

    /// <summary>The largest difference of two outputs, relative to the spread (largest minus smallest) of the expected ones.</summary>
    public static double Difference(ModelOutputs expected, ModelOutputs actual)
    {
        Assert.AreEqual(expected.Scores.Count, actual.Scores.Count);
        double spread = expected.Scores.Max(s => s.Max()) - (double)expected.Scores.Min(s => s.Min());
        return expected.Scores.Zip(actual.Scores, (e, a) => e.Zip(a, (x, y) => Math.Abs((double)x - y)).Max()).Max() / spread;
    }

    public static LayerQuantizers Quantizers(this Calibration calibration, QuantizationOptions? options = null) => new(calibration, options ?? Options);

    /// <summary>What <see cref="ModelQuantizer"/> hands to a metric.</summary>
    public static SensitivityContext Context(Calibration calibration, QuantizationOptions options) => new()
    {
        Calibration = calibration,
        Quantizers = calibration.Quantizers(options),
        Groups = [.. calibration.Structure.Layers.GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))],
        Bits = options.Bits,
        Samples = calibration.Samples,
        Reference = Outputs(calibration.Model, calibration.Samples),
        Options = options,
    };

    public static string Describe(IReadOnlyList<Problem> problems) => string.Join(Environment.NewLine, problems);
}
