using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>
/// Saves a step as ML.NET's OnnxTransformer over the quantized model: a plain <c>mlContext.Model.Load</c> then scores with ONNX Runtime, and needs
/// Microsoft.ML.OnnxTransformer but no LampQ. <c>options with { SaveAs = OnnxSaveFormat.Instance }</c>.
/// </summary>
/// <remarks>Any types, inputs and outputs that OnnxTransformer takes. Output columns have the model's axes with 1 for the batch, as OnnxTransformer gives them.
/// A model of a fixed batch is given each row so many times, because OnnxTransformer gives it one: <see cref="LampQModel.Load(MLContext, string, out DataViewSchema?)"/> brings whole batches back.</remarks>
public sealed class OnnxSaveFormat : SaveFormat
{
    OnnxSaveFormat() { }

    /// <summary>The format.</summary>
    public static SaveFormat Instance { get; } = new OnnxSaveFormat();

    /// <inheritdoc/>
    public override string Name => OnnxName;

    internal override bool RunsPackedModels => false;

    internal override VectorDataViewType TypeOf(ModelPort output) =>
        output.Size > 0 ? new VectorDataViewType(output.Item, output.Axes.Prepend(1).ToArray()) : new VectorDataViewType(output.Item, 0);

    internal override void Save(LampQTransformer transformer, ModelSaveContext context)
    {
        var names = transformer.Names;
        var transforms = transformer.MLContext.Transforms;
        // A graph cannot give an output an input's name, and ML.NET's step takes a last ".output" off: such a model is run beside the column and copied over it.
        string[] outputs = [.. names.Outputs.Select((o, i) => names.Inputs.Contains(o) || o.EndsWith(".output", StringComparison.Ordinal) ? $"LampQ.Beside{i}" : o)];
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
        try
        {
            Renamed(transformer.Model, names.Inputs, outputs).Write(file);
            var rows = EmptyColumns.Of(transformer.MLContext, transformer.Model, names.Inputs);
            // A second session exists only while the step is written.
            using var scoring = transforms.ApplyOnnxModel(outputs, [.. names.Inputs], file).Fit(rows);
            ITransformer saved = scoring;
            string[] beside = [.. outputs.Except(names.Outputs)];
            if (beside.Length > 0)
            {
                var chain = new EstimatorChain<ITransformer>();
                foreach (var (from, to) in outputs.Zip(names.Outputs).Where(p => p.First != p.Second))
                    chain = chain.Append<ITransformer>(transforms.CopyColumns(to, from));
                var copying = chain.Append<ITransformer>(transforms.DropColumns(beside)).Fit(scoring.Transform(rows));
                saved = new TransformerChain<ITransformer>([scoring, .. copying]);
            }
            ((ICanSaveModel)saved).Save(context);
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal override byte[] ReadModel(MLContext mlContext, ITransformer loaded, Func<string, byte[]> readEntry)
    {
        byte[] entry = readEntry(loaded is TransformerChain<ITransformer> ? "Transform_000/OnnxModel" : "OnnxModel");
        int length = BitConverter.ToInt32(entry, 0);
        if (length != entry.Length - sizeof(int))
            throw new InvalidDataException($"The saved ONNX model has {entry.Length - sizeof(int)} bytes; {length} are announced.");
        var model = Model.Read(entry[sizeof(int)..]);
        SingleRow.Unwrap(model.Graph);
        return model.ToBytes();
    }

    /// <summary>The model with the columns' names, its weights in types OnnxTransformer takes, and without the outputs that are not computed.</summary>
    static Model Renamed(ScoringModel scoring, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs)
    {
        var model = new InitializersToConstants(InitializersToConstants.RefusedByMLNet).Apply(Model.Read(scoring.Bytes));
        var graph = model.Graph;
        if (graph.Nodes.FirstOrDefault(n => n.Domain == LampQDomain.Name) is { } packed)
            throw new NotSupportedException($"The model has operators of {LampQDomain.Name}, such as {packed}, which ML.NET's own step cannot run. Save it with SaveFormat.Mapping, or quantize it with ExportFormat.Portable.");
        foreach (var unused in graph.Outputs.Skip(outputs.Count).ToArray())
            graph.RemoveOutput(unused);
        Value[] ports = [.. graph.Inputs, .. graph.Outputs];
        string[] names = [.. inputs, .. outputs];
        // First out of the way, then to their places: a new name may be one that another value has.
        foreach (var port in ports)
            graph.Rename(port, graph.NewName($"{port.Name}.port"));
        for (int i = 0; i < ports.Length; i++)
        {
            if (graph.Find(names[i]) is { } other)
                graph.Rename(other, graph.NewName($"{names[i]}.inner"));
            graph.Rename(ports[i], names[i]);
        }
        graph.RemoveUnused();
        if (scoring.FixedBatch is > 1 and var batch)
            SingleRow.Wrap(graph, batch);
        return model;
    }
}
