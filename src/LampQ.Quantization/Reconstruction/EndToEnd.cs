using System.Diagnostics;
using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

public abstract partial class Reconstruction
{
    /// <summary>
    /// All scales and biases at once, by what the whole model says (<see cref="Distillation"/>), integers kept: the end-to-end phase of EfficientQAT (Chen et al., ACL 2025, section 3.3)
    /// with the float model's scores and streams in place of labels.
    /// </summary>
    public static Reconstruction EndToEnd { get; } = new EndToEndReconstruction();
}

sealed class EndToEndReconstruction : Reconstruction
{
    /// <summary>Samples that one run of the graph takes, where the model lets us choose: memory grows with them.</summary>
    const int PartSize = 2;

    /// <summary>Steps in which the rate rises: Adam's first steps know the signs of gradients only.</summary>
    const int RisingSteps = 5;

    /// <summary>Samples that the shares of the streams are taken from.</summary>
    const int ShareSamples = 16;

    public override string Name => "end-to-end";

    protected override ReconstructedPlan TrainCore(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation)
    {
        using var training = new Training(plan, task, cancellation);
        return training.Run();
    }

    /// <summary>One training: the graphs, and where it stands.</summary>
    sealed class Training : IDisposable
    {
        readonly QuantizationPlan plan;
        readonly ReconstructionTask task;
        readonly CancellationToken cancellation;
        readonly ParallelOptions parallel;
        readonly TrainableTwin twin;
        readonly TrainableParameter[] trained;
        readonly Distillation distillation;
        readonly ModelPart teacher, student;
        readonly GradientPart gradients;
        readonly int seen, atOnce;
        readonly Random random;
        readonly Queue<int> order = new();

        public Training(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation)
        {
            (this.plan, this.task, this.cancellation) = (plan, task, cancellation);
            parallel = ModelPart.Parallelism(task.Run, cancellation);
            atOnce = FixedBatch.Of(task.Calibration.Model) switch
            {
                null => PartSize,
                1 => 1,
                var batch => throw new NotSupportedException($"The model's batch is fixed to {batch}; training takes one sample at a time. Export the model with an open batch."),
            };
            seen = Seen(task.Samples);
            random = new Random(task.Seed);
            twin = new TrainableTwin(task.Calibration, plan);
            trained = [.. twin.Parameters.Where(p => RateOf(p.Kind) > 0)];
            distillation = new Distillation(task.Calibration, task.Weights);
            teacher = ModelPart.Of(task.Calibration.Model, null, distillation.Compared, task.Run);
            student = ModelPart.Of(twin.Model, null, distillation.Compared, task.Run);
            gradients = new GradientPart(twin.Model, [.. trained.Select(p => p.Input)], g => distillation.Emit(g, atOnce), atOnce, task.Samples.Shape, task.Run);
        }

        ReconstructionOptions Options => task.Options;

        public ReconstructedPlan Run()
        {
            var watch = Stopwatch.StartNew();
            var shares = Shares();
            var looks = new List<ReconstructionLook>();
            Look(0);
            var (best, bestLook) = (twin.Snapshot(), 0);
            for (int step = 0; step < Options.Steps && watch.Elapsed.TotalSeconds < Options.MaxSeconds; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                Step(shares, 0.5 * (1 + Math.Cos(Math.PI * step / Options.Steps)) * Math.Min(1, (step + 1.0) / RisingSteps));
                if ((step + 1) % Options.StepsBetweenLooks != 0 && step + 1 != Options.Steps)
                    continue;
                Look(step + 1);
                if (looks[^1].MeanKl < looks[bestLook].MeanKl)
                    (best, bestLook) = (twin.Snapshot(), looks.Count - 1);
                else if (looks.Count - 1 - bestLook >= Options.Patience)
                    break;
            }
            if (bestLook == 0)
                return new ReconstructedPlan(plan, looks);
            best();
            return new ReconstructedPlan(twin.Plan(), looks);

            void Look(int step)
            {
                looks.Add(new ReconstructionLook(step, Errors(seen, task.Samples.Count - seen)[^1]));
                task.Progress?.Invoke(looks[^1]);
            }
        }

        public void Dispose()
        {
            teacher.Dispose();
            student.Dispose();
            gradients.Dispose();
        }

        double RateOf(ParameterKind kind) => kind switch
        {
            ParameterKind.WeightScale => Options.WeightScaleRate,
            ParameterKind.Bias => Options.BiasRate,
            _ => Options.ActivationScaleRate,
        };

        void Step(IReadOnlyDictionary<string, Tensor> shares, double factor)
        {
            int parts = (Options.BatchSize + atOnce - 1) / atOnce;
            var drawn = new (int Sample, bool Mirrored)[parts * atOnce];
            for (int i = 0; i < drawn.Length; i++)
                drawn[i] = Draw();
            var fed = twin.Feed();
            foreach (var (name, share) in shares)
                fed[name] = share;
            // Parts run side by side and are added up in their order: floats summed in another order would give another model.
            float[][]? sum = null;
            for (int first = 0; first < parts; first += parallel.MaxDegreeOfParallelism)
            {
                var results = new float[Math.Min(parallel.MaxDegreeOfParallelism, parts - first)][][];
                ModelPart.ForEachBatch(results.Length, parallel, i =>
                {
                    var inputs = new Dictionary<string, Tensor>(fed);
                    var images = Images(drawn.AsSpan((first + i) * atOnce, atOnce));
                    Teach(images, (index, shape, values) => inputs[distillation.Target(index)] = Tensor.Of(values, shape));
                    results[i] = gradients.Run(images, inputs).Gradients;
                });
                foreach (float[][] result in results)
                    if (sum is null)
                        sum = result;
                    else
                        for (int p = 0; p < sum.Length; p++)
                            TensorPrimitives.Add(sum[p], result[p], sum[p]);
            }
            for (int p = 0; p < trained.Length; p++)
                trained[p].Step(sum![p], RateOf(trained[p].Kind) * factor);
        }

        (int Sample, bool Mirrored) Draw()
        {
            if (order.Count == 0)
            {
                int[] next = [.. Enumerable.Range(0, seen)];
                random.Shuffle(next);
                foreach (int sample in next)
                    order.Enqueue(sample);
            }
            return (order.Dequeue(), random.Next(2) == 1 && Options.Mirror && task.Samples.Shape.Count == 3);
        }

        Tensor Images(ReadOnlySpan<(int Sample, bool Mirrored)> drawn)
        {
            int length = task.Samples.SampleLength, width = task.Samples.Shape[^1];
            var pixels = new float[drawn.Length * length];
            for (int i = 0; i < drawn.Length; i++)
            {
                var image = pixels.AsSpan(i * length, length);
                task.Samples.Load(drawn[i].Sample, image);
                if (drawn[i].Mirrored)
                    for (int row = 0; row < length; row += width)
                        image.Slice(row, width).Reverse();
            }
            return Tensor.Of(pixels, [drawn.Length, .. task.Samples.Shape.Select(d => (long)d)]);
        }

        /// <summary>The float model's streams, and its probabilities.</summary>
        void Teach(Tensor images, FloatOutput see) => teacher.Run(images, new Dictionary<string, Tensor>(), (index, shape, values) =>
        {
            if (index < distillation.Cuts)
            {
                see(index, shape, values);
                return;
            }
            float[] p = values.ToArray();
            for (int row = 0, width = (int)shape[^1]; row < p.Length; row += width)
                TensorPrimitives.SoftMax(p.AsSpan(row, width), p.AsSpan(row, width));
            see(index, shape, p);
        });

        /// <summary>λ: each cut counts as much as every other, and all together <see cref="ReconstructionOptions.StreamShare"/> times as much as the scores, at the start.</summary>
        Dictionary<string, Tensor> Shares()
        {
            double[] errors = Errors(0, Math.Min(ShareSamples, seen));
            return Enumerable.Range(0, distillation.Cuts).ToDictionary(distillation.Share,
                j => Tensor.Scalar((float)(Options.StreamShare * errors[^1] / distillation.Cuts / Math.Max(errors[j], 1e-12))));
        }

        /// <summary>Mean errors of the streams, and KL last, over some of the samples.</summary>
        double[] Errors(int first, int count)
        {
            var fed = twin.Feed();
            var errors = new double[count][];
            ModelPart.ForEachBatch(count, parallel, i =>
            {
                var image = Images([(first + i, false)]);
                var targets = new float[distillation.Cuts + 1][];
                Teach(image, (index, _, values) => targets[index] = values.ToArray());
                var own = errors[i] = new double[targets.Length];
                student.Run(image, fed, (index, _, values) => own[index] = distillation.ErrorOf(index, values, targets[index]));
            });
            return [.. Enumerable.Range(0, distillation.Cuts + 1).Select(j => errors.Average(e => e[j]))];
        }
    }
}
