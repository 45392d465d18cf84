using System.Runtime.ExceptionServices;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>A part of a model, ready to run: from one value to some others.</summary>
public sealed class ModelPart : IDisposable
{
    readonly OnnxSession session;
    readonly Dictionary<string, Tensor> fed;

    ModelPart(OnnxSession session, string start, Dictionary<string, Tensor> fed) => (this.session, Start, this.fed) = (session, start, fed);

    /// <summary>Name of the input to begin with.</summary>
    public string Start { get; }

    /// <summary>Batches side by side, as many as there are threads.</summary>
    public static ParallelOptions Parallelism(RunSettings settings, CancellationToken cancellation) => new()
    {
        MaxDegreeOfParallelism = settings.Session.Threads > 0 ? settings.Session.Threads : Environment.ProcessorCount,
        CancellationToken = cancellation,
    };

    /// <summary>Does something for each of some batches side by side; a failure is thrown as it is, so that a full disk or a broken image reaches the user in its own words.</summary>
    internal static void ForEachBatch(int batches, ParallelOptions parallel, Action<int> body) => ForEachBatch(batches, parallel, () => 0, (batch, _) => body(batch));

    /// <summary>As the other one, with something that each worker has of its own.</summary>
    internal static void ForEachBatch<T>(int batches, ParallelOptions parallel, Func<T> own, Action<int, T> body)
    {
        try
        {
            Parallel.For(0, batches, parallel, own, (batch, _, mine) =>
            {
                body(batch, mine);
                return mine;
            }, _ => { });
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
    }

    /// <summary>Cuts a part out of a model.</summary>
    /// <param name="model">The model; it stays as it was.</param>
    /// <param name="start">Name of the value to begin at; null is the model's first input.</param>
    /// <param name="extend">Adds what is wanted to the graph and returns it.</param>
    /// <param name="settings">Threads.</param>
    /// <param name="fed">Further inputs and what they hold.</param>
    public static ModelPart Of(Model model, string? start, Func<Graph, IReadOnlyList<Value>> extend, RunSettings settings, IReadOnlyDictionary<string, Tensor>? fed = null)
    {
        var (copy, name) = Cut(model, start, extend);
        // Batches run side by side, one thread each.
        var session = new OnnxSession(copy, settings.Session with { Threads = 1 });
        var inputs = session.InputNames.ToHashSet();
        return new ModelPart(session, name, fed?.Where(p => inputs.Contains(p.Key)).ToDictionary() ?? []);
    }

    /// <summary>A copy of a model that begins at one value and returns others, and the name of the input it begins with.</summary>
    internal static (Model Model, string Start) Cut(Model model, string? start, Func<Graph, IReadOnlyList<Value>> extend)
    {
        var copy = model.Clone();
        var graph = copy.Graph;
        string name = graph.Inputs[0].Name;
        if (start is not null)
        {
            var cut = graph.Find(start)!;
            var input = graph.AddInput(graph.NewName($"{start}:start"), ElementType.Float, cut.Shape ?? throw new InvalidOperationException($"The shape of '{start}' is not known."));
            graph.ReplaceUses(cut, input);
            name = input.Name;
        }
        foreach (var output in graph.Outputs.ToArray())
            graph.RemoveOutput(output);
        foreach (var wanted in extend(graph))
            graph.AddOutput(wanted);
        graph.RemoveUnused();
        foreach (var unused in graph.Inputs.Where(v => v.IsUnused).ToArray())
            graph.RemoveInput(unused);
        graph.Sort();
        return (copy, name);
    }

    /// <summary>Runs the part on one batch.</summary>
    /// <param name="start">The batch of the value <see cref="Start"/>.</param>
    /// <param name="more">Inputs that differ from batch to batch.</param>
    /// <param name="see">Sees the outputs in the order they were asked for.</param>
    public void Run(Tensor start, IReadOnlyDictionary<string, Tensor> more, FloatOutput see)
    {
        var inputs = new Dictionary<string, Tensor>(fed) { [Start] = start };
        foreach (var (name, tensor) in more)
            inputs[name] = tensor;
        session.Run(inputs, session.OutputNames, see);
    }

    /// <summary>Runs the part on one batch to some of its outputs.</summary>
    /// <param name="start">The batch of the value <see cref="Start"/>.</param>
    /// <param name="outputs">Names of the outputs.</param>
    /// <param name="see">Sees the outputs in the order of their names.</param>
    public void Run(Tensor start, IReadOnlyList<string> outputs, FloatOutput see) => session.Run(new Dictionary<string, Tensor>(fed) { [Start] = start }, outputs, see);

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();
}
