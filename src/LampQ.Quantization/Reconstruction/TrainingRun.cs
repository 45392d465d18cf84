namespace LampQ.Quantization;

/// <summary>What every training begins with: the twin, what is compared, and how many samples and steps.</summary>
/// <param name="method">Whose defaults count where an option says nothing.</param>
/// <param name="start">The plan to start from.</param>
/// <param name="task">Model, samples and options.</param>
/// <param name="partSize">Samples that one run of a graph with gradients takes, where the model lets us choose.</param>
/// <param name="roundingStart">As <see cref="TrainableTwin"/> takes it.</param>
/// <param name="cancellation">Cancels between two steps.</param>
abstract class TrainingRun(Reconstruction method, QuantizationPlan start, ReconstructionTask task, int partSize, float? roundingStart, CancellationToken cancellation) : IDisposable
{
    protected QuantizationPlan Start => start;

    protected ReconstructionTask Task => task;

    protected ReconstructionOptions Options => task.Options;

    protected CancellationToken Cancellation => cancellation;

    protected ParallelOptions Parallelism { get; } = ModelPart.Parallelism(task.Run, cancellation);

    /// <summary>Samples that one run of a graph with gradients takes.</summary>
    protected int AtOnce { get; } = FixedBatch.Of(task.Calibration.Model) switch
    {
        null => partSize,
        1 => 1,
        var batch => throw new NotSupportedException($"The model's batch is fixed to {batch}; training takes one sample at a time. Export the model with an open batch."),
    };

    /// <summary>Samples that are trained on, the first ones.</summary>
    protected int Seen { get; } = Reconstruction.Seen(task.Samples);

    protected int Steps { get; } = method.StepsOf(task.Options);

    protected int StepsBetweenLooks { get; } = task.Options.StepsBetweenLooks ?? method.DefaultStepsBetweenLooks;

    /// <summary>Runs of a graph with gradients that a step takes.</summary>
    protected int Parts => ((Options.BatchSize ?? method.DefaultBatchSize) + AtOnce - 1) / AtOnce;

    protected TrainableTwin Twin { get; } = new(task.Calibration, start, roundingStart);

    protected Distillation Distillation { get; } = new(task.Calibration, task.Weights);

    /// <summary>The file to go on from; null where none is wanted.</summary>
    protected TrainingFile? ResumeFile { get; } = TrainingFile.Of(method, start, task);

    /// <summary>Trains, once.</summary>
    public abstract ReconstructedPlan Run();

    public abstract void Dispose();

    /// <summary>Draws of one block, or one step, alone: a training that goes on draws what it would have drawn.</summary>
    protected Random DrawsOf(int part) => new(unchecked(Task.Seed * 1_000_003 + part));

    /// <summary>Share of its first length that a step has: half a cosine, after five steps that rise to it, because Adam's first steps know the signs of gradients only.</summary>
    protected double RateFactor(int step) => 0.5 * (1 + Math.Cos(Math.PI * step / Steps)) * Rise(step);

    /// <summary>The five rising steps alone.</summary>
    protected static double Rise(int step) => Math.Min(1, (step + 1) / 5.0);
}
