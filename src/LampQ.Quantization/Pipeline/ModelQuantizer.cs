using System.Diagnostics;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>From a float model to a mixed-precision one: find, measure, formulate, solve, refine, rewrite.</summary>
/// <param name="options">What to make; checked here.</param>
/// <param name="progress">Told in words what is going on; may be null.</param>
public sealed class ModelQuantizer(QuantizationOptions options, IProgress<string>? progress = null)
{
    // Measuring takes more than a hundred sessions, most of them one after the other.
    readonly QuantizationOptions options = options with { Run = options.Run with { Session = options.Run.Session with { SharesMemory = true } } };
    readonly Stopwatch total = new();
    readonly List<string> notes = [];

    /// <summary>Samples that output errors of input quantizers are measured on: about 1600 tokens, and every candidate runs over all of them.</summary>
    const int OutputErrorImages = 8;

    /// <summary>Samples that codes of attention maps are compared on: a map has as many entries a sample as fc1 has outputs.</summary>
    const int ContextErrorImages = 4;

    /// <summary>Quantizes a float model.</summary>
    /// <param name="model">A float ONNX model with one image input [batch, ..] and class scores as first output; it stays as it was.</param>
    /// <param name="samples">The calibration set. A model whose batch is fixed sets the batch size itself and uses whole batches of it.</param>
    /// <param name="cancellation">Cancels between two runs of the model.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the samples do not fit the model.</exception>
    /// <exception cref="NotSupportedException">The model is quantized already, has no linear layer, or uses an operator that an opset upgrade does not know.</exception>
    /// <exception cref="InvalidDataException">The model contradicts itself, or computes NaN on the samples.</exception>
    /// <exception cref="InfeasibleBudgetException">No allocation keeps the budget; the message names the smallest that can be kept.</exception>
    public QuantizationResult Quantize(Model model, SampleSet samples, CancellationToken cancellation = default)
    {
        options.Validate();
        if (options.Recipe.Refusal(samples.Count) is { } refusal)
            throw new ArgumentException(refusal, nameof(samples));
        if (FixedBatch.Of(model) is { } fixedBatch && FixedBatch.Fit(options, samples, fixedBatch) is var fitted && fitted != (options, samples))
            return QuantizeFitted(fitted.Options, model, fitted.Samples, samples.Count, cancellation);
        total.Restart();
        notes.Clear();
        var container = options.MaxSizeInBytes is null ? options.Container : WeightContainer.Int4;

        var prepared = Prepare(model, container);
        CheckSamples(prepared.Graph.Inputs[0], samples);
        // Refused here, and not after the minutes before training.
        bool willTrain = WillTrain(prepared, samples);
        // Whole batches where the model fixes them.
        int batch = FixedBatch.Of(prepared) ?? 1;
        SampleSet First(int images) => samples.Take(Math.Max(batch, Math.Min(images, samples.Count) / batch * batch));
        var ranges = First(options.RangeImages);
        Say($"Calibrating on {ranges.Count} samples");
        var calibration = Calibration.Of(prepared, ranges, options.Run, cancellation, EquivalentTransformation.With(options.NormTransformation, options.ChosenScoreTransformation, options.ChosenValueTransformation), options.ActivationBits, options.ChosenAttentionBits);
        using var weights = TokenWeightsOf(calibration, samples, cancellation);
        using var outputErrors = options.ActivationRange.NeedsOutputError ? new OutputErrors(calibration, First(OutputErrorImages), weights, options.Run) : null;
        using var contextErrors = options.ChosenMapQuantizer.NeedsContextError ? new ContextErrors(calibration, First(ContextErrorImages), options.Run) : null;
        var quantizers = new LayerQuantizers(calibration, options, outputErrors, contextErrors);
        var groups = GroupsOf(calibration.Structure, quantizers);
        var export = new Export(calibration, quantizers, groups, container, options);
        // What judges training must not have been fitted.
        var compensation = Compensation(calibration, willTrain ? samples.Take(Reconstruction.Seen(samples)) : samples, weights);
        double calibrated = total.Elapsed.TotalSeconds;

        // With every layer's width fixed there is nothing to allocate.
        if (options.Method == AllocationMethod.Uniform || groups.Count == 0)
        {
            var uniform = groups.ToDictionary(g => g.Name, _ => options.UniformBits);
            var plan = compensation?.Apply(export.Plan(uniform), cancellation) ?? export.Plan(uniform);
            double rounded = total.Elapsed.TotalSeconds;
            var (uniformPlan, uniformTraining) = Reconstruct(plan, willTrain, calibration, samples, weights, cancellation);
            return Finish(export, uniformPlan, uniformTraining, uniform, null, null, [], new StageSeconds(calibrated, 0, 0, 0, rounded - calibrated, total.Elapsed.TotalSeconds - rounded, 0, 0));
        }

        int[] bits = [.. options.Bits.Order()];
        var latency = Latency(export, bits, cancellation);
        // An infeasible budget is found before the minutes of measuring, not after.
        var flat = new SensitivityProfile("", [.. groups.Select(g => new GroupSensitivity(g.Name, 0, bits.ToDictionary(b => b, _ => 0.0)))]);
        var feasible = Formulate(flat, groups, bits, container, export, latency);
        AllocationSolver.For(feasible).Solve(feasible, cancellation).Require();

        var subset = First(options.SensitivityImages);
        Say($"Measuring sensitivity ({options.Metric.Name}) of {groups.Count} layers on {subset.Count} samples");
        using var session = new OnnxSession(calibration.Model, options.Run.Session);
        var context = new SensitivityContext
        {
            Calibration = calibration,
            Quantizers = quantizers,
            Groups = groups,
            Bits = bits,
            Samples = subset,
            Reference = ModelOutputs.Of(session, subset, options.Run, cancellation),
            Options = options,
            Progress = (done, of) => Say($"  {done} of {of} layers", done % 12 == 0),
            Cancellation = cancellation,
        };
        var sensitivity = options.Metric.Measure(context);
        double measured = total.Elapsed.TotalSeconds;

        Say($"Allocating bits ({options.Rule.Name})");
        var problem = Formulate(sensitivity, groups, bits, container, export, latency);
        var (answer, front) = options.Rule.Allocate(problem, groups, sensitivity, cancellation);
        var allocation = answer.Require();
        double solved = total.Elapsed.TotalSeconds;

        var steps = new List<RefinementStep>();
        if (options.RefinementSteps > 0)
        {
            Say("Refining by measured error");
            allocation = Refine(context, sensitivity, allocation, steps);
        }
        double refined = total.Elapsed.TotalSeconds;
        var (chosen, compensated) = Compensate(export, compensation, session, allocation, cancellation);
        double compensatedAt = total.Elapsed.TotalSeconds;
        var (trained, training) = Reconstruct(compensated, willTrain, calibration, samples, weights, cancellation);
        return Finish(export, trained, training, chosen, sensitivity, answer, steps,
            new StageSeconds(calibrated, measured - calibrated, solved - measured, refined - solved, compensatedAt - refined, total.Elapsed.TotalSeconds - compensatedAt, 0, 0)) with { Front = front, PredictedMilliseconds = latency?.MillisecondsOf(chosen) };
    }

    /// <summary>Whether training is begun. What the effort chose is left out, with a note, where it cannot be done; what the caller chose is refused there.</summary>
    /// <exception cref="ArgumentException">The caller chose it, and there are too few samples.</exception>
    /// <exception cref="NotSupportedException">The caller chose it, and the model's batch is fixed.</exception>
    bool WillTrain(Model model, SampleSet samples)
    {
        var method = options.ChosenReconstruction;
        if (method == Reconstruction.None)
            return false;
        bool tooFew = samples.Count < Reconstruction.FewestSamples;
        string? obstacle = tooFew ? $"{samples.Count} samples are too few, {Reconstruction.FewestSamples} are needed"
            : FixedBatch.Of(model) is > 1 and var batch ? $"the model's batch is fixed to {batch}" : null;
        if (obstacle is null)
            return true;
        if (options.Reconstruction is not null)
            throw tooFew ? new ArgumentException($"Reconstruction '{method.Name}' cannot be done: {obstacle}. Give more samples, or choose 'none'.", nameof(samples))
                : new NotSupportedException($"Reconstruction '{method.Name}' cannot be done: {obstacle}, and training takes one sample at a time. Export the model with an open batch, or choose 'none'.");
        notes.Add($"Nothing was trained: {obstacle}.");
        return false;
    }

    /// <summary>The trained plan, and how it was trained; the given plan and null where nothing was trained.</summary>
    (QuantizationPlan Plan, Reconstruction? Training) Reconstruct(QuantizationPlan plan, bool willTrain, Calibration calibration, SampleSet samples, TokenWeights? weights, CancellationToken cancellation)
    {
        if (!willTrain)
            return (plan, null);
        var method = options.ChosenReconstruction;
        Say($"Reconstructing ({method.Name})");
        try
        {
            var trained = method.Train(plan, new ReconstructionTask
            {
                Calibration = calibration,
                Samples = samples,
                Weights = weights,
                Run = options.Run,
                Seed = options.Seed,
                Options = options.ChosenTraining,
                Progress = look => Say(string.Create(CultureInfo.InvariantCulture, $"  {look.Step} of {method.StepsOf(options.ChosenTraining)} steps, held-out mean KL {look.MeanKl:G4}")),
                BlockProgress = look => Say(string.Create(CultureInfo.InvariantCulture, $"  block {look.Block} of {look.Blocks}, {look.Step} of {method.StepsOf(options.ChosenTraining)} steps, held-out error {look.Error:G3} of its start")),
            }, cancellation);
            notes.Add(string.Create(CultureInfo.InvariantCulture,
                $"Training ({method.Name}) took mean KL on held-out calibration images from {trained.Looks[0].MeanKl:G3} to {trained.Looks.Min(l => l.MeanKl):G3}."));
            return (trained.Plan, method);
        }
        catch (NotSupportedException e) when (options.Reconstruction is null)
        {
            notes.Add($"Nothing was trained: {e.Message}");
            return (plan, null);
        }
    }

    (IReadOnlyDictionary<string, int> Bits, QuantizationPlan Plan) Compensate(Export export, SequentialCompensation? compensation, OnnxSession session, BitAllocation allocation,
        CancellationToken cancellation)
    {
        if (compensation is null)
            return (allocation.BitsByName(), export.Plan(allocation.BitsByName()));
        Say($"Compensating errors ({compensation.Method.Name})");
        if (options.Effort == QuantizationEffort.Fast)
            return (allocation.BitsByName(), compensation.Apply(export.Plan(allocation.BitsByName()), cancellation));
        var (bits, plan, kl) = new MeasuredChoice(export, compensation, session, options.Run).Of(allocation, cancellation);
        if (kl.Count == 2 && kl[1] < kl[0])
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"The same width for every layer was measured closer to the float model than the solver's allocation, after compensation (mean KL {kl[1]:G3} against {kl[0]:G3}), and was taken."));
        return (bits, plan);
    }

    QuantizationResult QuantizeFitted(QuantizationOptions fitted, Model model, SampleSet samples, int given, CancellationToken cancellation)
    {
        var result = new ModelQuantizer(fitted, progress).Quantize(model, samples, cancellation);
        return samples.Count == given ? result
            : result with { Notes = [$"{samples.Count} of {given} samples were used: the model takes {fitted.Run.BatchSize} at once.", .. result.Notes] };
    }

    /// <summary>The float model with constants folded, at the opset the container needs.</summary>
    static Model Prepare(Model model, WeightContainer container)
    {
        if (QuantizedModel.IsQuantized(model, out string evidence))
            throw new NotSupportedException($"The model is quantized already ({evidence}). Give the float model it was made from.");
        if (model.Graph.Inputs.Count != 1)
            throw new NotSupportedException($"The model has {model.Graph.Inputs.Count} inputs ({string.Join(", ", model.Graph.Inputs.Select(i => i.Name))}); one image input is expected.");
        var folded = new ConstantFolding().Apply(model);
        if (folded.Opset < container.MinimumOpset())
            folded = new OpsetUpgrade(container.MinimumOpset()).Apply(folded);
        ShapeInference.Infer(folded);
        return folded;
    }

    static void CheckSamples(Value input, SampleSet samples)
    {
        if (input.Shape is not { } shape)
            return;
        if (shape.Count != samples.Shape.Count + 1 || shape.Skip(1).Zip(samples.Shape).Any(p => p.First.Size is { } size && size != p.Second))
            throw new ArgumentException($"The model's input '{input.Name}' has the shape [{string.Join(", ", shape)}], but a sample has [{string.Join(", ", samples.Shape)}] without the batch. Give samples of the model's size.", nameof(samples));
    }

    IReadOnlyList<AllocationGroup> GroupsOf(ModelStructure structure, LayerQuantizers quantizers)
    {
        if (structure.Layers.Count == 0)
            throw new NotSupportedException("The model has no linear layer that can be quantized (no MatMul, Gemm or patch embedding with constant weights).");
        if (options.BitsFor.Keys.FirstOrDefault(name => !structure.Names(name)) is { } unknown)
            throw new ArgumentException($"BitsFor names '{unknown}', which is neither a layer of the model nor a type ({string.Join(", ", LayerTypes.Words)}).");
        AllocationGroup[] groups = [.. structure.Layers.Where(l => quantizers.FixedBits(l) is null).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        if (groups.Length == 0 && (options.MaxBitOperations is not null || options.MaxLatencyInMilliseconds is not null))
            throw new ArgumentException("The width of every layer is fixed by BitsFor, so a budget of bit operations or latency has nothing to choose. Leave one of them out.");
        return groups;
    }

    MeasuredLatency? Latency(Export export, int[] bits, CancellationToken cancellation)
    {
        if (options.MaxLatencyInMilliseconds is null)
            return null;
        Say("Measuring latency at every width");
        var widest = export.Groups.ToDictionary(g => g.Name, _ => bits[^1]);
        return MeasuredLatency.Of(export.Calibration, export.Groups, bits, export.Write(export.Plan(widest)), options.Run with { Session = options.Run.Session with { SharesMemory = false } }, cancellation);
    }

    AllocationProblem Formulate(SensitivityProfile profile, IReadOnlyList<AllocationGroup> groups, int[] bits, WeightContainer container, Export export, MeasuredLatency? latency)
    {
        var problem = options.MaxSizeInBytes is { } size
            ? Formulation.OfFileSize(groups, profile, bits, container, size, export.FixedBytes(bits[0], bits[^1]))
            : Formulation.OfTargetBits(groups, profile, bits, options.TargetBits);
        if (latency is not null)
            problem = latency.Limit(problem, groups, options.MaxLatencyInMilliseconds!.Value);
        if (options.MaxBitOperations is not { } limit)
            return problem;
        var operations = new BitOperationCount(export.Calibration);
        // Layers whose width is fixed take their part first.
        long taken = export.FixedLayers.Sum(l => operations.Of(l.Layer, l.Bits, options.Profile));
        return Formulation.With(problem, groups, (group, b) => group.Layers.Sum(l => operations.Of(l, b, options.Profile)), new Budget("bit operations", "bit operations", limit - taken));
    }

    BitAllocation Refine(SensitivityContext context, SensitivityProfile sensitivity, BitAllocation allocation, List<RefinementStep> steps)
    {
        var groups = context.Groups;
        var layers = groups.SelectMany(g => g.Layers).ToArray();
        using var candidate = new CandidateModel(context.Calibration.Model, layers, context.VariedInputs, null, options.Run);
        var starts = context.Samples.Tensors(options.Run, context.Cancellation).ToArray();
        var set = new int[groups.Count];
        return new AllocationRefiner { MaximumSteps = options.RefinementSteps }.Refine(allocation,
            options.Metric.FollowsRoundingError ? (item, bits) => sensitivity.Groups[item].Damage[bits] : RelativeError(context),
            next =>
            {
                for (int i = 0; i < groups.Count; i++)
                    if (set[i] != next.BitsOf(i))
                    {
                        foreach (var layer in groups[i].Layers)
                            candidate.Set(layer.Name, context.Quantizers.Plan(layer, next.BitsOf(i)));
                        set[i] = next.BitsOf(i);
                    }
                return context.Reference.MeanKl(candidate.Run(starts, context.Cancellation));
            }, steps);
    }

    Func<int, int, double> RelativeError(SensitivityContext context)
    {
        var grams = InputGrams.Collect(context.Calibration.Model, [.. context.Groups.SelectMany(g => g.Layers)], context.Samples, options.Run, context.Cancellation);
        var errors = new LayerError(context.Calibration, context.Quantizers, grams);
        return (item, bits) => context.Groups[item].Layers.Average(l => errors.Of(l, bits));
    }

    bool NeedsMoments => options.Compensation.NeedsMoments || options.WeightQuantizer.NeedsInputPower;

    /// <summary>What each token counts; null where nothing asks for it, or the model has no gradients.</summary>
    TokenWeights? TokenWeightsOf(Calibration calibration, SampleSet samples, CancellationToken cancellation)
    {
        QuantizableLayer[] layers = [.. calibration.Structure.Layers.Where(MomentsGraph.Suits)];
        if (layers.Length == 0 || !((NeedsMoments && options.Compensation.WeighsTokens) || options.ActivationRange.NeedsOutputError || options.ChosenReconstruction != Reconstruction.None))
            return null;
        try
        {
            Say($"Weighing tokens of {samples.Count} samples");
            return TokenWeights.Measure(calibration.Model, layers, samples, options.Seed, options.Run, cancellation);
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            notes.Add($"All tokens count alike in error compensation: {e.Message}");
            return null;
        }
    }

    /// <summary>What is to compensate errors; null where weights are rounded to nearest.</summary>
    SequentialCompensation? Compensation(Calibration calibration, SampleSet samples, TokenWeights? weights) => !NeedsMoments ? null : new SequentialCompensation
    {
        Calibration = calibration,
        Samples = samples,
        Method = options.Compensation,
        Quantizer = options.WeightQuantizer,
        Weights = options.Compensation.WeighsTokens ? weights : null,
        Run = options.Run,
        Progress = (done, of) => Say($"  {done} of {of} layers", done % 12 == 0),
    };

    QuantizationResult Finish(Export export, QuantizationPlan plan, Reconstruction? training, IReadOnlyDictionary<string, int> bitsOfGroup, SensitivityProfile? sensitivity, AllocationAnswer? answer,
        IReadOnlyList<RefinementStep> steps, StageSeconds seconds)
    {
        double before = total.Elapsed.TotalSeconds;
        Say("Writing");
        var portable = export.Write(plan, training);
        var written = export.Pack(portable, out var lowering);
        var bySensitivity = sensitivity?.Groups.ToDictionary(g => g.Group, g => g.Sensitivity);
        var layers = export.Layers.Select(l => new LayerResult(l.Name, l.Type, l.Group, export.BitsOf(l, bitsOfGroup), l.Parameters,
            bySensitivity is not null && bySensitivity.TryGetValue(l.Group, out double s) && bitsOfGroup.ContainsKey(l.Group) ? s : null)).ToArray();
        long parameters = export.Groups.Sum(g => g.Parameters);
        return new QuantizationResult
        {
            Model = written,
            Portable = portable,
            Layers = layers,
            AverageBits = parameters == 0 ? 0 : export.Groups.Sum(g => (double)g.Parameters * bitsOfGroup[g.Name]) / parameters,
            Sensitivity = sensitivity,
            Answer = answer,
            Refinement = steps,
            Unrecognized = export.Unrecognized,
            SizeInBytes = written.ToBytes().LongLength,
            Notes = [.. export.Notes(plan), .. notes, .. lowering.Left.Select(o => $"'{o.Name}' ({o.Operation}) is not packed. {o.Reason}")],
            Seconds = seconds with { Write = total.Elapsed.TotalSeconds - before, Total = total.Elapsed.TotalSeconds },
        };
    }

    void Say(string text, bool when = true)
    {
        if (when)
            progress?.Report(string.Create(CultureInfo.InvariantCulture, $"[{total.Elapsed.TotalSeconds,6:F1} s] {text}"));
    }
}
