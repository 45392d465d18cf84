using System.Diagnostics;
using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

public abstract partial class Reconstruction
{
    /// <summary>
    /// One block after the other (BRECQ, Li et al., ICLR 2021, section 3), from one cut of the residual stream to the next: the rounding of weights below 8 bits (AdaRound, <see cref="RoundingParameter"/>), and scales, biases and norms
    /// as <see cref="EndToEnd"/>. What goes in is the quantized model's stream, element by element the float model's with probability <see cref="ReconstructionOptions.DropRate"/> (QDrop, Wei et al., ICLR 2022, section 4; so are activations behind quantizers below 8 bits);
    /// what is wanted is the float model's stream behind the block. The error is squared and weighed by token (BRECQ's diagonal of the Fisher information, here alike for all channels of a token).
    /// </summary>
    public static Reconstruction Block { get; } = new BlockReconstruction();
}

sealed class BlockReconstruction : Reconstruction
{
    /// <summary>Samples that one run of the graph takes, where the model lets us choose.</summary>
    const int PartSize = 4;

    /// <summary>Shares of the steps at which weights begin to be pulled to integers (AdaRound's warm-up), and at which the pull is at its widest; it stays so to the end.</summary>
    const double WarmUp = 0.2, FullPull = 0.9;

    /// <summary>β at the first and at the second.</summary>
    const double FirstBeta = 20, LastBeta = 2;

    public override string Name => "block";

    // 300 cost DeiT-Tiny 406 seconds of processor time (docs/decisions/0018-reconstruction.md).
    public override int DefaultSteps => 400;

    public override int DefaultBatchSize => 8;

    public override int DefaultStepsBetweenLooks => 50;

    protected override ReconstructedPlan TrainCore(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation)
    {
        using var training = new Training(plan, task, cancellation);
        return training.Run();
    }

    /// <summary>One training: both streams, and where it stands.</summary>
    sealed class Training(QuantizationPlan plan, ReconstructionTask task, CancellationToken cancellation) : TrainingRun(Block, plan, task, PartSize, (float)task.Options.RoundingStart, cancellation)
    {
        // One sample a batch, so that they can be drawn.
        readonly RunSettings single = task.Run with { BatchSize = 1 };
        readonly ResidualStreams streams = new(task.Samples, task.Run with { BatchSize = 1 });
        readonly Stopwatch watch = Stopwatch.StartNew();
        double secondsBefore;

        int Blocks => Distillation.Cuts + 1;

        double Seconds => secondsBefore + watch.Elapsed.TotalSeconds;

        IEnumerable<ITrainable> All => [.. Twin.Parameters, .. Twin.Roundings];

        public override ReconstructedPlan Run()
        {
            var looks = new List<ReconstructionLook>();
            var own = Enumerable.Range(0, Blocks).Select(OwnOf).ToArray();
            int next = Resume(looks);
            if (looks.Count == 0)
                Look(looks, 0);
            for (int block = 0; block <= Array.FindLastIndex(own, o => o.IsTrained); block++)
            {
                bool isKept = own[block].IsTrained && block >= next;
                if (isKept)
                {
                    KeepFloat(block);
                    Train(block, own[block]);
                    ResumeFile?.Save(writer =>
                    {
                        writer.Write(Seconds);
                        writer.WriteLooks(looks);
                        writer.Write(block + 1);
                        writer.Write(TrainingState.Of(All));
                    });
                }
                if (block + 1 < Blocks)
                    Advance(block, isKept);
            }
            Look(looks, Steps);
            ResumeFile?.Delete();
            // Blocks are closer each by itself; whether the scores are is another question.
            return new ReconstructedPlan(looks[1].MeanKl < looks[0].MeanKl ? Twin.Plan() : Start, looks);
        }

        public override void Dispose() => streams.Dispose();

        int Resume(List<ReconstructionLook> looks)
        {
            using var reader = ResumeFile?.Open();
            if (reader is null)
                return 0;
            secondsBefore = reader.ReadDouble();
            looks.AddRange(reader.ReadLooks());
            int next = reader.ReadInt32();
            foreach (var one in All)
                one.Read(reader);
            return next;
        }

        string? StartOf(int block) => block == 0 ? null : Distillation.NameOf(block - 1);

        /// <summary>What is trained in a block: the inputs of its graph.</summary>
        BlockParameters OwnOf(int block)
        {
            var inputs = ModelPart.Cut(Twin.Model, StartOf(block), g => [g.Find(Distillation.NameOf(block))!]).Model.Graph.Inputs.Select(i => i.Name).ToHashSet();
            return new BlockParameters([.. Twin.Parameters.Where(p => inputs.Contains(p.Input))], [.. Twin.Roundings.Where(r => inputs.Contains(r.Input))]);
        }

        void KeepFloat(int block)
        {
            using var part = ModelPart.Of(Task.Calibration.Model, StartOf(block), g => [g.Find(Distillation.NameOf(block))!], single);
            ModelPart.ForEachBatch(streams.Batches, Parallelism, () => new StreamMemory(), (sample, memory) =>
                part.Run(streams.Read(sample, memory).Float, new Dictionary<string, Tensor>(), (_, shape, values) => streams.KeepNextFloat(sample, shape, Distillation.Wanted(block, shape, values))));
        }

        void Advance(int block, bool floatIsKept)
        {
            using var floatPart = floatIsKept ? null : ModelPart.Of(Task.Calibration.Model, StartOf(block), g => [g.Find(Distillation.NameOf(block))!], single);
            using var quantizedPart = ModelPart.Of(Twin.Model, StartOf(block), g => [g.Find(Distillation.NameOf(block))!], single, Twin.Feed());
            streams.Advance(floatPart, quantizedPart, Cancellation);
        }

        void Train(int block, BlockParameters own)
        {
            var moved = own.Parameters.Where(p => Options.RateOf(p.Kind) > 0).ToArray();
            var rounded = Options.RoundingRate > 0 ? own.Roundings : [];
            string? start = StartOf(block);
            var drop = new QuantizerDrop();
            int[] shape = block == 0 ? [.. Task.Samples.Shape] : Distillation.ShapeAt(block - 1);
            using var gradients = new GradientPart(Twin.Model, [.. rounded.Select(r => r.Input), .. moved.Select(p => p.Input)], Objective, AtOnce, shape, Task.Run, start);
            using var student = ModelPart.Of(Twin.Model, start, g => [g.Find(Distillation.NameOf(block))!], single);
            var random = DrawsOf(block);
            var order = new ShuffledOrder(Seen, random);
            int weights = rounded.Sum(r => r.Count);
            double atStart = Error(block, student, TrainableTwin.Feed(own.Parameters, own.Roundings)), least = atStart;
            byte[] best = TrainingState.Of(own.All);
            int sinceBest = 0;
            Task.BlockProgress?.Invoke(new BlockLook(block + 1, Blocks, 0, 1));
            foreach (var rounding in rounded)
                rounding.Begin();
            // No error at all: nothing to be trained.
            for (int step = 0; step < Steps && atStart > 0 && Seconds < Options.MaxSeconds * (block + 1) / Blocks && sinceBest < Options.Patience; step++)
            {
                Cancellation.ThrowIfCancellationRequested();
                int[] drawn = [.. Enumerable.Range(0, Parts * AtOnce).Select(_ => order.Next())];
                int[] seeds = [.. Enumerable.Range(0, Parts).Select(_ => random.Next())];
                var fed = own.Feed();
                float[][] sum = GradientPart.Sum(Parts, Parallelism, part => Gradients(block, drawn.AsSpan(part * AtOnce, AtOnce), seeds[part], shape, fed, gradients, drop));
                float share = (float)(1 / (atStart * drawn.Length));
                foreach (float[] gradient in sum)
                    TensorPrimitives.Multiply(gradient, share, gradient);
                double annealed = Math.Clamp(((double)step / Steps - WarmUp) / (FullPull - WarmUp), 0, 1);
                for (int r = 0; r < rounded.Length; r++)
                    rounded[r].Step(sum[r], Options.RoundingRate * Rise(step), annealed > 0 ? Options.RoundingPull / weights : 0, FirstBeta + (LastBeta - FirstBeta) * annealed);
                for (int p = 0; p < moved.Length; p++)
                    moved[p].Step(sum[rounded.Length + p], Options.RateOf(moved[p].Kind) * RateFactor(step));
                if ((step + 1) % StepsBetweenLooks != 0 && step + 1 != Steps)
                    continue;
                double error = Error(block, student, TrainableTwin.Feed(own.Parameters, own.Roundings));
                Task.BlockProgress?.Invoke(new BlockLook(block + 1, Blocks, step + 1, error / atStart));
                sinceBest++;
                if (error < least)
                    (least, best, sinceBest) = (error, TrainingState.Of(own.All), 0);
                else if (rounded.Length > 0 && annealed < 1 && Error(block, student, own.Feed()) < atStart)
                    sinceBest = 0;
            }
            TrainingState.Restore(best, own.All);

            Value Objective(Graph graph)
            {
                if (Options.DropRate > 0)
                    drop.Write(graph, AtOnce);
                return Distillation.Emit(graph, block, AtOnce);
            }
        }

        float[][] Gradients(int block, ReadOnlySpan<int> drawn, int seed, int[] shape, Dictionary<string, Tensor> fed, GradientPart gradients, QuantizerDrop drop)
        {
            var random = new Random(seed);
            var memory = new StreamMemory();
            var next = new ReusedMemory();
            float[] inputs = [], targets = [];
            long[] targetShape = [];
            for (int i = 0; i < drawn.Length; i++)
            {
                var (exact, quantized) = streams.Read(drawn[i], memory);
                var target = streams.ReadNextFloat(drawn[i], next);
                if (i == 0)
                {
                    (inputs, targets) = (new float[drawn.Length * exact.As<float>().Length], new float[drawn.Length * target.As<float>().Length]);
                    targetShape = [drawn.Length, .. target.Shape.Skip(1)];
                }
                int length = exact.As<float>().Length;
                Mix(exact.As<float>(), quantized.As<float>(), random, inputs.AsSpan(i * length, length));
                target.As<float>().CopyTo(targets.AsSpan(i * target.As<float>().Length));
            }
            var more = new Dictionary<string, Tensor>(fed) { [Distillation.Target(block)] = Tensor.Of(targets, targetShape) };
            foreach (var (name, tensor) in drop.Draw(gradients.Fed, Options.DropRate, random))
                more[name] = tensor;
            return gradients.Run(Tensor.Of(inputs, [drawn.Length, .. shape.Select(d => (long)d)]), more).Gradients;
        }

        /// <summary>Each element the float model's with probability <see cref="ReconstructionOptions.DropRate"/>, else the quantized one's.</summary>
        void Mix(ReadOnlySpan<float> exact, ReadOnlySpan<float> quantized, Random random, Span<float> mixed)
        {
            byte[] drawn = QuantizerDrop.Draw(Options.DropRate, random, mixed.Length);
            for (int i = 0; i < mixed.Length; i++)
                mixed[i] = drawn[i] == 1 ? exact[i] : quantized[i];
        }

        /// <summary>Mean error of a block over the held-out samples.</summary>
        double Error(int block, ModelPart student, Dictionary<string, Tensor> fed)
        {
            var errors = new double[Task.Samples.Count - Seen];
            ModelPart.ForEachBatch(errors.Length, Parallelism, () => (Streams: new StreamMemory(), Next: new ReusedMemory()), (i, memory) =>
            {
                var target = streams.ReadNextFloat(Seen + i, memory.Next);
                student.Run(streams.Read(Seen + i, memory.Streams).Quantized, fed, (_, _, values) => errors[i] = Distillation.ErrorOf(block, values, target.As<float>()));
            });
            return errors.Average();
        }

        /// <summary>Mean KL of the whole model on the held-out samples.</summary>
        void Look(List<ReconstructionLook> looks, int step)
        {
            using var teacher = ModelPart.Of(Task.Calibration.Model, null, g => [g.Find(Distillation.NameOf(Distillation.Cuts))!], single);
            using var student = ModelPart.Of(Twin.Model, null, g => [g.Find(Distillation.NameOf(Distillation.Cuts))!], single, Twin.Feed());
            var errors = new double[Task.Samples.Count - Seen];
            var none = new Dictionary<string, Tensor>();
            ModelPart.ForEachBatch(errors.Length, Parallelism, i =>
            {
                var image = Task.Samples.Tensor(Seen + i, single);
                float[] wanted = [];
                teacher.Run(image, none, (_, shape, values) => wanted = Distillation.Wanted(Distillation.Cuts, shape, values));
                student.Run(image, none, (_, _, values) => errors[i] = Distillation.ErrorOf(Distillation.Cuts, values, wanted));
            });
            looks.Add(new ReconstructionLook(step, errors.Average()));
            Task.Progress?.Invoke(looks[^1]);
        }
    }

    /// <summary>What is trained in one block.</summary>
    sealed record BlockParameters(TrainableParameter[] Parameters, RoundingParameter[] Roundings)
    {
        /// <summary>Blocks whose layers all have 8 bits have nothing to gain.</summary>
        public bool IsTrained => Roundings.Length > 0;

        public IEnumerable<ITrainable> All => [.. Parameters, .. Roundings];

        /// <summary>What the inputs hold while V lies between integers.</summary>
        public Dictionary<string, Tensor> Feed() => Parameters.Select(p => (p.Input, p.Tensor)).Concat(Roundings.Select(r => (r.Input, Tensor: r.Soft()))).ToDictionary(p => p.Input, p => p.Tensor);
    }
}
