namespace LampQ.Quantization;

/// <summary>How a compensated plan is trained by gradients; known ways are listed by <see cref="All"/> (docs/decisions/0018-reconstruction.md).</summary>
public abstract partial class Reconstruction
{
    /// <summary>Every known way.</summary>
    public static IReadOnlyList<Reconstruction> All => [None, EndToEnd, Block];

    /// <summary>Fewest samples that are worth splitting into some to train on and some to judge by.</summary>
    public const int FewestSamples = 16;

    /// <summary>How many samples are trained on, the first ones; the others, an eighth, judge. The plan to start from should not have been fitted to those either.</summary>
    public static int Seen(SampleSet samples) => samples.Count - Math.Max(samples.Count / 8, 1);

    /// <summary>The plan stays as it is.</summary>
    public static Reconstruction None { get; } = new NoReconstruction();

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Steps where <see cref="ReconstructionOptions.Steps"/> says nothing: of the whole model, or of each block.</summary>
    public abstract int DefaultSteps { get; }

    /// <summary>Samples a step where <see cref="ReconstructionOptions.BatchSize"/> says nothing.</summary>
    public virtual int DefaultBatchSize => 32;

    /// <summary>Steps between two looks where <see cref="ReconstructionOptions.StepsBetweenLooks"/> says nothing.</summary>
    public virtual int DefaultStepsBetweenLooks => 15;

    /// <summary>Most steps under some options.</summary>
    internal int StepsOf(ReconstructionOptions options) => options.Steps ?? DefaultSteps;

    /// <summary>Trains a plan.</summary>
    /// <param name="plan">Where to start.</param>
    /// <param name="task">Model, samples and options.</param>
    /// <param name="cancellation">Cancels between two steps.</param>
    /// <returns>The plan that came closest to the float model on samples held out from training; the given one where none came closer.</returns>
    /// <exception cref="ArgumentException">An option is out of range, there are fewer samples than <see cref="FewestSamples"/>, or <see cref="ReconstructionOptions.ResumeFile"/> is of another training.</exception>
    /// <exception cref="NotSupportedException">The model has an operator without a backward rule, or its batch is fixed above 1.</exception>
    /// <exception cref="IOException">A scratch file or the file to resume from cannot be read or written.</exception>
    public ReconstructedPlan Train(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation = default)
    {
        task.Options.Validate();
        if (this != None && task.Samples.Count < FewestSamples)
            throw new ArgumentException($"There are {task.Samples.Count} samples, but reconstruction ({Name}) needs {FewestSamples} at least: an eighth of them judges. Give more, or choose 'none'.", nameof(task));
        return TrainCore(plan, task, cancellation);
    }

    /// <summary>Does the work.</summary>
    protected abstract ReconstructedPlan TrainCore(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation);
}

/// <summary>What is trained for.</summary>
public sealed record ReconstructionTask
{
    /// <summary>The float model.</summary>
    public required Calibration Calibration { get; init; }

    /// <summary>The samples; their last eighth is held out.</summary>
    public required SampleSet Samples { get; init; }

    /// <summary>What each token counts; null counts all alike.</summary>
    public TokenWeights? Weights { get; init; }

    /// <summary>Threads.</summary>
    public required RunSettings Run { get; init; }

    /// <summary>Seed of what is drawn.</summary>
    public int Seed { get; init; }

    /// <summary>Steps, rates and limits.</summary>
    public ReconstructionOptions Options { get; init; } = new();

    /// <summary>Told after each look at the held-out samples.</summary>
    public Action<ReconstructionLook>? Progress { get; init; }

    /// <summary>Told after each look at one block.</summary>
    public Action<BlockLook>? BlockProgress { get; init; }
}

/// <summary>A trained plan.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Looks">What was seen on the held-out samples, the start first; empty where nothing was trained.</param>
public sealed record ReconstructedPlan(QuantizationPlan Plan, IReadOnlyList<ReconstructionLook> Looks);

/// <summary>One look at the held-out samples.</summary>
/// <param name="Step">Steps before it.</param>
/// <param name="MeanKl">Mean KL(p ‖ p̂) on them.</param>
public readonly record struct ReconstructionLook(int Step, double MeanKl);

/// <summary>One look at the held-out samples while a block is trained.</summary>
/// <param name="Block">Number of the block, from 1.</param>
/// <param name="Blocks">Number of blocks.</param>
/// <param name="Step">Steps of this block before it.</param>
/// <param name="Error">The block's error as a share of that of its start.</param>
public readonly record struct BlockLook(int Block, int Blocks, int Step, double Error);

sealed class NoReconstruction : Reconstruction
{
    public override string Name => "none";

    public override int DefaultSteps => 0;

    protected override ReconstructedPlan TrainCore(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation) => new(plan, []);
}
