using System.Numerics.Tensors;
using LampQ.Onnx;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

/// <summary>
/// Rounds the layers of a model one after the other, along the data: each sees as x̂ what the layers quantized before it make of the samples, and as y what the
/// float model has at its output. Where the layer's output is added to the residual stream, y also makes up for the error that stands in the stream already.
/// Methods that do not follow earlier layers (<see cref="ErrorCompensation.FollowsEarlierLayers"/>) see the float model's values behind the layer's own quantizer instead.
/// </summary>
/// <remarks>
/// Both models are kept at one cut of the residual stream for all samples (<see cref="ResidualStreams"/>), and run from there on layer by layer, so the whole costs a few forward passes; memory
/// is that of a few batches and the moments of one layer, whatever the number of samples.
/// </remarks>
public sealed record SequentialCompensation
{
    /// <summary>The calibrated float model.</summary>
    public required Calibration Calibration { get; init; }

    /// <summary>The samples whose activations are matched.</summary>
    public required SampleSet Samples { get; init; }

    /// <summary>How layers are rounded.</summary>
    public required ErrorCompensation Method { get; init; }

    /// <summary>Chooses scales where the method does not.</summary>
    public required WeightQuantizer Quantizer { get; init; }

    /// <summary>What each token counts; null counts all alike.</summary>
    public TokenWeights? Weights { get; init; }

    /// <summary>Batch size and threads.</summary>
    public required RunSettings Run { get; init; }

    /// <summary>Bytes of each residual stream that stay in memory; what is beyond goes to a scratch file. Default <see cref="ActivationStore.DefaultRoomInBytes"/>.</summary>
    public long RoomInBytes { get; init; } = ActivationStore.DefaultRoomInBytes;

    /// <summary>Told after each layer: done, of.</summary>
    public Action<int, int>? Progress { get; init; }

    /// <summary>Rounds every layer of a plan anew.</summary>
    /// <param name="plan">Widths and input quantizers.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <exception cref="IOException">The samples need a scratch file, and it cannot be written; the message says where and what to do.</exception>
    public QuantizationPlan Apply(QuantizationPlan plan, CancellationToken cancellation = default)
    {
        var model = Calibration.Model;
        var twin = new QuantizedTwin(Calibration, plan.Layers.ToDictionary(p => p.Key, p => p.Value.Input), plan.Attentions);
        var layers = Calibration.Structure.Layers.Where(l => plan.Layers.ContainsKey(l.Name)).ToArray();
        var cuts = StartingPoints.Cuts(model, Calibration.Structure);
        var result = new Dictionary<string, LayerPlan>();
        using var streams = new ResidualStreams(Samples, Run, RoomInBytes);
        int mostLayers = layers.GroupBy(l => l.Input.Name).Select(stage => stage.Count()).DefaultIfEmpty().Max();
        Worker[] workers = [.. Enumerable.Range(0, ModelPart.Parallelism(Run, cancellation).MaxDegreeOfParallelism).Select(_ => new Worker(mostLayers))];
        var rest = layers.ToList();
        for (int segment = -1; segment < cuts.Length; segment++)
        {
            string? start = segment < 0 ? null : cuts[segment].Name;
            var end = segment + 1 < cuts.Length ? cuts[segment + 1] : null;
            var own = rest.Where(l => StartingPoints.LatestBefore(l, cuts) == (segment < 0 ? null : cuts[segment])).ToArray();
            rest.RemoveAll(own.Contains);
            bool floatIsKept = false;
            foreach (var stage in own.GroupBy(l => l.Input.Name))
            {
                var moments = new Dictionary<string, LayerMoments>();
                if (stage.All(MomentsGraph.Suits))
                    floatIsKept |= Collect(moments, Method.FollowsEarlierLayers ? twin : Alone(plan, stage), start, end, [.. stage], streams, workers, cancellation);
                foreach (var layer in stage)
                {
                    var layerPlan = plan.Layers[layer.Name];
                    var rounded = moments.TryGetValue(layer.Name, out var known)
                        ? Method.Compensate(new LayerProblem
                        {
                            Weight = layer.ReadWeight(),
                            Bias = LinearWeights.CurrentBias(layer) is null ? null : layer.ReadBias(),
                            Bits = layerPlan.Weights.Bits,
                            InputBits = layerPlan.Input.Bits,
                            Quantizer = Quantizer,
                            Moments = known,
                        })
                        : new CompensatedWeights(layerPlan.Weights, null);
                    twin.Set(layer, rounded);
                    result[layer.Name] = layerPlan with { Weights = rounded.Weights, Bias = rounded.Bias };
                    Progress?.Invoke(result.Count, layers.Length);
                }
            }
            if (end is null || rest.Count == 0)
                break;
            using var floatPart = floatIsKept ? null : ModelPart.Of(model, start, g => [g.Find(end.Name)!], Run);
            // Layers on their own need no other stream than the float model's.
            using var quantizedPart = Method.FollowsEarlierLayers ? twin.Part(start, g => [g.Find(end.Name)!], Run) : null;
            streams.Advance(floatPart, quantizedPart, cancellation);
        }
        return plan with { Layers = result };
    }

    /// <summary>The float model with the input quantizers of one stage in it, and no others.</summary>
    QuantizedTwin Alone(QuantizationPlan plan, IEnumerable<QuantizableLayer> stage) => new(Calibration, stage.ToDictionary(l => l.Name, l => plan.Layers[l.Name].Input), []);

    /// <summary>Finds the moments of the layers of a stage; true where the float model's stream at the next cut came along and was kept.</summary>
    bool Collect(Dictionary<string, LayerMoments> moments, QuantizedTwin twin, string? start, Value? end, QuantizableLayer[] stage, ResidualStreams streams, Worker[] workers,
        CancellationToken cancellation)
    {
        foreach (var layer in stage)
            moments[layer.Name] = new LayerMoments(layer.OutputChannels, layer.InputChannels);
        bool[] onStream = [.. stage.Select(l => Method.FollowsEarlierLayers && start is not null && end is not null && IsAdded(l, start, end))];
        using var expected = ModelPart.Of(Calibration.Model, start, g => [.. stage.Select((l, i) => g.Find(onStream[i] ? end!.Name : l.Output.Name)!)], Run);
        using var part = twin.Part(start, g => [.. stage.SelectMany(l => MomentsGraph.Emit(g, l))], Run);
        // Batches run side by side and are added up in their order: floats summed in another order would give another model.
        var parallel = ModelPart.Parallelism(Run, cancellation);
        for (int first = 0; first < streams.Batches; first += workers.Length)
        {
            int count = Math.Min(workers.Length, streams.Batches - first);
            ModelPart.ForEachBatch(count, parallel, i => Collect(workers[i], first + i, part, expected, stage, onStream, streams));
            foreach (var worker in workers.Take(count))
                for (int l = 0; l < stage.Length; l++)
                    moments[stage[l].Name].Add(worker.Sums[2 * l].Floats, worker.Sums[2 * l + 1].Floats, worker.SquaredWeights[l]);
        }
        return onStream.Contains(true);
    }

    /// <summary>A, B and Σ ω² of each layer of a stage over one batch.</summary>
    void Collect(Worker worker, int batch, ModelPart part, ModelPart expected, QuantizableLayer[] stage, bool[] onStream, ResidualStreams streams)
    {
        var (exact, quantized) = streams.Read(batch, worker.Streams);
        var more = new Dictionary<string, Tensor>();
        int samples = (int)exact.Shape[0];
        expected.Run(exact, new Dictionary<string, Tensor>(), (i, shape, values) =>
        {
            var layer = stage[i];
            var y = worker.Wanted[i].Copy(values);
            if (onStream[i])
            {
                streams.KeepNextFloat(batch, shape, values);
                TensorPrimitives.Subtract(values, quantized.As<float>(), worker.Wanted[i].Floats);
            }
            int rows = values.Length / layer.OutputChannels;
            more[MomentsGraph.OutputName(layer)] = Tensor.OfBytes(ElementType.Float, y, rows, layer.OutputChannels);
            var roots = more[MomentsGraph.RootName(layer)] = MomentsGraph.Roots(layer, Weights, batch * Run.BatchSize, samples, rows);
            worker.SquaredWeights[i] = (float)roots.ToFloats().Sum(r => Math.Pow(r, 4));
        });
        part.Run(quantized, more, (i, _, values) => worker.Sums[i].Copy(values));
    }

    /// <summary>What one worker needs for a batch, used again for the next.</summary>
    sealed class Worker(int mostLayers)
    {
        public StreamMemory Streams { get; } = new();

        /// <summary>y of each layer of the stage.</summary>
        public ReusedMemory[] Wanted { get; } = Many(mostLayers);

        /// <summary>A and B of each layer of the stage, in turn.</summary>
        public ReusedMemory[] Sums { get; } = Many(2 * mostLayers);

        /// <summary>Σ ω² of each layer of the stage.</summary>
        public double[] SquaredWeights { get; } = new double[mostLayers];

        static ReusedMemory[] Many(int count) => [.. Enumerable.Range(0, count).Select(_ => new ReusedMemory())];
    }

    /// <summary>True where the stream behind is the stream before plus this layer's output, and nothing else.</summary>
    static bool IsAdded(QuantizableLayer layer, string start, Value end) =>
        end.Producer is { } add && add.Is("Add") && add.Inputs.Any(v => v!.Name == start) && add.Inputs.Any(v => v == layer.Output) && layer.Output.Uses.Count == 1;
}
