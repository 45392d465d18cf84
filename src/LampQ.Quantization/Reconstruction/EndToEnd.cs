using System.Diagnostics;
using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

public abstract partial class Reconstruction
{
    /// <summary>
    /// All scales, biases and norms at once, by what the whole model says (<see cref="Distillation"/>), integers kept: the end-to-end phase of EfficientQAT (Chen et al., ACL 2025, section 3.3)
    /// with the float model's scores and streams in place of labels.
    /// </summary>
    public static Reconstruction EndToEnd { get; } = new EndToEndReconstruction();
}

sealed class EndToEndReconstruction : Reconstruction
{
    /// <summary>Samples that one run of the graph takes, where the model lets us choose: memory grows with them.</summary>
    const int PartSize = 2;

    /// <summary>Samples that the shares of the streams are taken from.</summary>
    const int ShareSamples = 16;

    /// <summary>Half of the average of a parameter is of the last seven steps: single steps follow 32 images, and their noise is most of what a few more steps change.</summary>
    const double Decay = 0.9;

    public override string Name => "end-to-end";

    public override int DefaultSteps => 120;

    protected override ReconstructedPlan TrainCore(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation)
    {
        using var training = new Training(plan, task, cancellation);
        return training.Run();
    }

    /// <summary>One training: the graphs, and where it stands.</summary>
    sealed class Training : TrainingRun
    {
        readonly TrainableParameter[] trained;
        readonly ModelPart teacher, student;
        readonly GradientPart gradients;
        readonly Random random;
        readonly ShuffledOrder order;

        public Training(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation)
            : base(EndToEnd, plan, task, PartSize, roundingStart: null, cancellation)
        {
            random = new Random(task.Seed);
            order = new ShuffledOrder(Seen, random);
            trained = [.. Twin.Parameters.Where(p => Options.RateOf(p.Kind) > 0)];
            teacher = ModelPart.Of(task.Calibration.Model, null, Distillation.Compared, task.Run);
            student = ModelPart.Of(Twin.Model, null, Distillation.Compared, task.Run);
            gradients = new GradientPart(Twin.Model, [.. trained.Select(p => p.Input)], g => Distillation.Emit(g, AtOnce), AtOnce, task.Samples.Shape, task.Run);
        }

        public override ReconstructedPlan Run()
        {
            var watch = Stopwatch.StartNew();
            double before = 0;
            var shares = Shares();
            var looks = new List<ReconstructionLook>();
            byte[] best = TrainingState.Of(trained);
            int bestLook = 0;
            if (!Resume())
                Look(0);
            for (int step = looks[^1].Step; step < Steps && Seconds() < Options.MaxSeconds && looks.Count - 1 - bestLook < Options.Patience; step++)
            {
                Cancellation.ThrowIfCancellationRequested();
                Step(step, shares);
                if ((step + 1) % StepsBetweenLooks == 0 || step + 1 == Steps)
                    Look(step + 1);
            }
            ResumeFile?.Delete();
            if (bestLook == 0)
                return new ReconstructedPlan(Start, looks);
            TrainingState.Restore(best, trained);
            foreach (var parameter in trained)
                parameter.TakeAverage();
            return new ReconstructedPlan(Twin.Plan(), looks);

            double Seconds() => before + watch.Elapsed.TotalSeconds;

            void Look(int step)
            {
                looks.Add(new ReconstructionLook(step, Errors(Seen, Task.Samples.Count - Seen)[^1]));
                if (looks[^1].MeanKl < looks[bestLook].MeanKl)
                    (best, bestLook) = (TrainingState.Of(trained), looks.Count - 1);
                ResumeFile?.Save(writer =>
                {
                    writer.Write(Seconds());
                    writer.WriteLooks(looks);
                    writer.Write(bestLook);
                    writer.Write(best);
                    writer.Write(TrainingState.Of(trained));
                });
                Task.Progress?.Invoke(looks[^1]);
            }

            bool Resume()
            {
                using var reader = ResumeFile?.Open();
                if (reader is null)
                    return false;
                before = reader.ReadDouble();
                looks.AddRange(reader.ReadLooks());
                bestLook = reader.ReadInt32();
                best = reader.ReadBytes(best.Length);
                TrainingState.Restore(reader.ReadBytes(best.Length), trained);
                // Draws again what the steps before have drawn.
                for (int draw = 0; draw < looks[^1].Step * Parts * AtOnce; draw++)
                    Draw();
                return true;
            }
        }

        public override void Dispose()
        {
            teacher.Dispose();
            student.Dispose();
            gradients.Dispose();
        }

        void Step(int step, IReadOnlyDictionary<string, Tensor> shares)
        {
            var drawn = new (int Sample, bool Mirrored)[Parts * AtOnce];
            for (int i = 0; i < drawn.Length; i++)
                drawn[i] = Draw();
            var mixing = DrawsOf(step);
            var cuts = drawn.Select(_ => IsImage ? CutMix.Draw(mixing, Options.CutMixShare, Task.Samples.Shape[1], Task.Samples.Shape[2]) : null).ToArray();
            var fed = Twin.Feed();
            foreach (var (name, share) in shares)
                fed[name] = share;
            float[][] sum = GradientPart.Sum(Parts, Parallelism, part =>
            {
                var inputs = new Dictionary<string, Tensor>(fed);
                var images = Images(drawn, cuts, part * AtOnce, AtOnce);
                Teach(images, (index, shape, values) => inputs[Distillation.Target(index)] = Tensor.Of(values, shape));
                return gradients.Run(images, inputs).Gradients;
            });
            // The start counts less with every step.
            double decay = Math.Min(Decay, (step + 1) / (step + 5.0));
            for (int p = 0; p < trained.Length; p++)
            {
                trained[p].Step(sum[p], Options.RateOf(trained[p].Kind) * RateFactor(step));
                trained[p].Average(decay);
            }
        }

        bool IsImage => Task.Samples.Shape.Count == 3;

        (int Sample, bool Mirrored) Draw() => (order.Next(), random.Next(2) == 1 && Options.Mirror && IsImage);

        /// <summary>Some of the images of a step; a rectangle is one of the image drawn next.</summary>
        Tensor Images((int Sample, bool Mirrored)[] drawn, CutMix?[] cuts, int first, int count)
        {
            int length = Task.Samples.SampleLength;
            var pixels = new float[count * length];
            for (int i = 0; i < count; i++)
            {
                var image = pixels.AsSpan(i * length, length);
                Load(drawn[first + i], image);
                if (cuts[first + i] is not { } cut)
                    continue;
                var other = new float[length];
                Load(drawn[(first + i + 1) % drawn.Length], other);
                cut.Paste(other, image, Task.Samples.Shape[1], Task.Samples.Shape[2]);
            }
            return Tensor.Of(pixels, [count, .. Task.Samples.Shape.Select(d => (long)d)]);
        }

        void Load((int Sample, bool Mirrored) drawn, Span<float> image)
        {
            Task.Samples.Load(drawn.Sample, image);
            int width = Task.Samples.Shape[^1];
            if (drawn.Mirrored)
                for (int row = 0; row < image.Length; row += width)
                    image.Slice(row, width).Reverse();
        }

        /// <summary>The float model's streams, and its probabilities.</summary>
        void Teach(Tensor images, FloatOutput see) =>
            teacher.Run(images, new Dictionary<string, Tensor>(), (index, shape, values) => see(index, shape, Distillation.Wanted(index, shape, values)));

        /// <summary>λ: each cut counts as much as every other, and all together <see cref="ReconstructionOptions.StreamShare"/> times as much as the scores, at the start.</summary>
        Dictionary<string, Tensor> Shares()
        {
            double[] errors = Errors(0, Math.Min(ShareSamples, Seen));
            return Enumerable.Range(0, Distillation.Cuts).ToDictionary(Distillation.Share,
                j => Tensor.Scalar((float)(Options.StreamShare * errors[^1] / Distillation.Cuts / Math.Max(errors[j], 1e-12))));
        }

        /// <summary>Mean errors of the streams, and KL last, over some of the samples.</summary>
        double[] Errors(int first, int count)
        {
            var fed = Twin.FeedAverages();
            var errors = new double[count][];
            ModelPart.ForEachBatch(count, Parallelism, i =>
            {
                var image = Images([(first + i, false)], [null], 0, 1);
                var targets = new float[Distillation.Cuts + 1][];
                Teach(image, (index, _, values) => targets[index] = values.ToArray());
                var own = errors[i] = new double[targets.Length];
                student.Run(image, fed, (index, _, values) => own[index] = Distillation.ErrorOf(index, values, targets[index]));
            });
            return [.. Enumerable.Range(0, Distillation.Cuts + 1).Select(j => errors.Average(e => e[j]))];
        }
    }
}
