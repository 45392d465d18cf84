using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Solver;

namespace LampQ.Accuracy;

/// <summary>One model under one profile, calibrated once: what allocations cost on calibration images that nothing else has seen.</summary>
/// <remarks>Every figure is that of the exported graph in ONNX Runtime.</remarks>
sealed class HeldOutStudy
{
    readonly Calibration calibration;
    readonly LayerQuantizers quantizers;
    readonly AllocationGroup[] groups;
    readonly SampleSet heldOut;
    readonly ModelOutputs reference;
    readonly OnnxSession floatSession;
    readonly QuantizationOptions options;
    readonly Dictionary<string, double> known = [];

    /// <param name="model">The float model.</param>
    /// <param name="samples">Drawn calibration images.</param>
    /// <param name="calibrated">How many of them calibrate; the rest is held out.</param>
    /// <param name="profile">What is narrowed.</param>
    public HeldOutStudy(Model model, SampleSet samples, int calibrated, QuantizationProfile profile)
    {
        // Pinned, so that a rerun differs by the metrics and guides alone and not by quantizers that became the default since.
        options = new QuantizationOptions { Profile = profile, AttentionBits = 8, WeightQuantizer = WeightQuantizer.Mse, GeluQuantizer = GeluQuantizer.Uniform };
        var folded = new ConstantFolding().Apply(model);
        ShapeInference.Infer(folded);
        calibration = Calibration.Of(folded, Unlabelled.Of(samples, 0, calibrated), options.Run);
        quantizers = new LayerQuantizers(calibration, options);
        groups = [.. calibration.Structure.Layers.Where(l => quantizers.FixedBits(l) is null).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        heldOut = Unlabelled.Of(samples, calibrated, samples.Count - calibrated);
        floatSession = new OnnxSession(calibration.Model, options.Run.Session);
        reference = ModelOutputs.Of(floatSession, heldOut, options.Run);
    }

    /// <summary>Measures sensitivity on the first calibration images.</summary>
    public (SensitivityProfile Profile, SensitivityContext Context) Measure(SensitivityMetric metric, FisherOptions fisher, int images, int seed)
    {
        var subset = calibration.Samples.Take(images);
        var context = new SensitivityContext
        {
            Calibration = calibration,
            Quantizers = quantizers,
            Groups = groups,
            Bits = options.Bits,
            Samples = subset,
            Reference = ModelOutputs.Of(floatSession, subset, options.Run),
            Options = options with { Fisher = fisher, Seed = seed },
        };
        return (metric.Measure(context), context);
    }

    /// <summary>The best allocation under an average.</summary>
    public BitAllocation Solve(SensitivityProfile profile, double targetBits) =>
        AllocationSolver.DynamicProgramming.Solve(Formulation.OfTargetBits(groups, profile, options.Bits, targetBits)).Require();

    /// <summary>Refines an allocation with an error of the study's choice as the guide.</summary>
    /// <param name="context">What was measured on.</param>
    /// <param name="start">The solver's allocation.</param>
    /// <param name="guide">The error of an item at a width, given the layers' relative error L there.</param>
    /// <param name="steps">Told of every pair.</param>
    public BitAllocation Refine(SensitivityContext context, BitAllocation start, Func<int, int, double, double> guide, ICollection<RefinementStep> steps)
    {
        var layers = groups.SelectMany(g => g.Layers).ToArray();
        var errors = new LayerError(calibration, quantizers, InputGrams.Collect(calibration.Model, layers, context.Samples, options.Run, default));
        using var candidate = new CandidateModel(calibration.Model, layers, context.VariedInputs, null, options.Run);
        var starts = context.Samples.Tensors(options.Run).ToArray();
        return new AllocationRefiner { MaximumSteps = options.RefinementSteps }.Refine(start,
            (item, bits) => guide(item, bits, groups[item].Layers.Average(l => errors.Of(l, bits))),
            next =>
            {
                for (int i = 0; i < groups.Length; i++)
                    foreach (var layer in groups[i].Layers)
                        candidate.Set(layer.Name, quantizers.Plan(layer, next.BitsOf(i)));
                return context.Reference.MeanKl(candidate.Run(starts));
            }, steps);
    }

    /// <summary>Mean KL(fp32 ‖ quantized) on the held-out images.</summary>
    public double Kl(BitAllocation allocation) => Kl(allocation.BitsByName());

    /// <summary>As the other one, with every allocated layer at one width.</summary>
    public double UniformKl(int bits) => Kl(groups.ToDictionary(g => g.Name, _ => bits));

    double Kl(IReadOnlyDictionary<string, int> bitsOfGroup)
    {
        string key = string.Concat(groups.Select(g => bitsOfGroup[g.Name]));
        if (known.TryGetValue(key, out double kl))
            return kl;
        var plan = quantizers.Plan(calibration.Structure.Layers.ToDictionary(l => l.Name, l => quantizers.FixedBits(l) ?? bitsOfGroup[l.Group]));
        using var session = new OnnxSession(new PortableExport(plan, options.Container).Apply(calibration.Model), options.Run.Session);
        return known[key] = reference.MeanKl(ModelOutputs.Of(session, heldOut, options.Run));
    }
}
