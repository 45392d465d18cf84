using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace LampQ.Transforms;

/// <summary>Quantizes a float Vision Transformer for the rows of a pipeline, and scores it there.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Does this estimator need to look at the data to train its parameters?</term>
/// <description>Yes: <see cref="LampQOptions.CalibrationRows"/> rows of one column, drawn from all of them</description></listheader>
/// <item><term>Input column data type</term><description>Vector of <see cref="float"/>, preprocessed as the model wants it (images: ExtractPixels)</description></item>
/// <item><term>Output column data type</term><description>Vector of <see cref="float"/> of known size (or of the model's output type)</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>LampQ.Transforms; Microsoft.ML.OnnxRuntime (the native library)</description></item>
/// <item><term>Exportable to ONNX</term>
/// <description>Yes, by <see cref="LampQTransformer.ExportOnnx"/> (ConvertToOnnx does not see steps of third parties)</description></item>
/// </list>
/// ML.NET's ExtractPixels has one offset and one scale for all channels, and its ResizeImages with Fill takes the nearest pixel: fold mean and standard
/// deviation into the model or give preprocessed vectors, and resize with IsoCrop.
/// </remarks>
public sealed class LampQEstimator : IEstimator<LampQTransformer>
{
    readonly MLContext mlContext;
    readonly LampQOptions options;
    readonly Model source;
    readonly ScoringModel model;
    readonly ColumnNames names;

    /// <summary>Reads the model and checks the options.</summary>
    /// <param name="mlContext">Where messages go.</param>
    /// <param name="options">What to do.</param>
    /// <exception cref="ArgumentException">An option is out of range or does not fit the model.</exception>
    /// <exception cref="FileNotFoundException">The model file does not exist.</exception>
    /// <exception cref="InvalidDataException">The model file is not ONNX.</exception>
    /// <exception cref="NotSupportedException">The model has several inputs, or one that is no vector of float.</exception>
    public LampQEstimator(MLContext mlContext, LampQOptions options)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.ModelFile);
        options.Validate();
        this.mlContext = mlContext;
        this.options = options;
        source = Model.Read(options.ModelFile);
        model = ScoringModel.Of(source);
        if (model.Inputs is not [{ Element: ElementType.Float }])
            throw new NotSupportedException($"The model '{options.ModelFile}' has the inputs {string.Join(", ", model.Inputs.Select(i => $"{i.Name} ({i.Element})"))}; one input of Float can be quantized.");
        names = ColumnNames.Of(model, options);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The input or label column is missing or holds something else.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        Shapes.Check(inputSchema, model, names);
        if (options.LabelColumnName is { } label)
            Shapes.Require(inputSchema, "label", label);
        return inputSchema.With(names.Outputs.Select((name, i) => (name, (Microsoft.ML.Data.DataViewType)options.SaveAs.TypeOf(model.Outputs[i]))));
    }

    /// <summary>Calibrates on rows of the data, quantizes, and compares with the float model.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The input or label column is missing, or has another type or size.</exception>
    /// <exception cref="InvalidOperationException">There are no rows, or fewer than the model takes at once; a row's vector has another length or a value that is no finite number; a label is no class of the model.</exception>
    /// <exception cref="ArgumentException">There are fewer rows than the method needs.</exception>
    /// <exception cref="IOException">Activations need a scratch file, and it cannot be written; the message says where.</exception>
    /// <exception cref="OperationCanceledException"><see cref="LampQOptions.CancellationToken"/> was cancelled; nothing is left behind.</exception>
    /// <exception cref="Solver.InfeasibleBudgetException">No allocation keeps the budget; the message names the smallest that can be kept.</exception>
    public LampQTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var watch = Stopwatch.StartNew();
        var cancellation = options.CancellationToken;
        cancellation.ThrowIfCancellationRequested();
        var column = BoundInput.Of(model.Inputs[0], names.Inputs[0], input.Schema);
        var label = LabelColumn(input.Schema);
        if (column.Column.Type is not Microsoft.ML.Data.VectorDataViewType)
            throw SchemaErrors.Wrong("input", column.Column.Name, "a vector", $"{column.Column.Type}");

        using var channel = ((IHostEnvironment)mlContext).Register(nameof(LampQEstimator)).Start("Fit");
        var progress = new Messages(channel, options.Progress);
        int batch = model.FixedBatch ?? options.Quantization.Run.BatchSize;
        var samples = WholeBatches(CalibrationRows.Read(input, column, label, model.Outputs[0].Size, options), progress);
        var quantization = options.Quantization with { Run = options.Quantization.Run with { BatchSize = batch } };

        var result = new ModelQuantizer(quantization, progress).Quantize(source, samples, cancellation);
        progress.Report("Comparing with the float model");
        var scoring = ScoringModel.Of(result.Model);
        var report = Compare(result, scoring, samples, quantization.Run, watch, cancellation);
        foreach (string line in report.ToString().Split(Environment.NewLine))
            progress.Report(line);
        return new LampQTransformer(mlContext, scoring, options with { InputColumnNames = names.Inputs, OutputColumnNames = names.Outputs }, report);
    }

    Microsoft.ML.DataViewSchema.Column? LabelColumn(DataViewSchema schema)
    {
        if (options.LabelColumnName is not { } name)
            return null;
        var column = schema.GetColumnOrNull(name) ?? throw SchemaErrors.Missing("label", name, schema.Where(c => !c.IsHidden).Select(c => c.Name));
        return CalibrationRows.IsLabel(column.Type) ? column : throw SchemaErrors.Wrong("label", name, "Key or a whole number", $"{column.Type}");
    }

    /// <summary>A model with a fixed batch is run on whole ones.</summary>
    SampleSet WholeBatches(SampleSet samples, IProgress<string> progress)
    {
        if (model.FixedBatch is not > 1 || samples.Count % model.FixedBatch == 0)
            return samples;
        int batch = model.FixedBatch.Value;
        if (samples.Count < batch)
            throw new InvalidOperationException($"There are {samples.Count} calibration rows, but the model takes {batch} at once. Give at least as many.");
        progress.Report($"{samples.Count - samples.Count % batch} of {samples.Count} rows are used: the model takes {batch} at once");
        return samples.Take(samples.Count - samples.Count % batch);
    }

    LampQReport Compare(QuantizationResult result, ScoringModel quantized, SampleSet samples, RunSettings run, Stopwatch watch, CancellationToken cancellation)
    {
        var session = run.Session with { Threads = options.Threads };
        using var before = new OnnxSession(source, session);
        // What the pipeline will run, not the graph in stock ONNX Runtime: the report is about the transformer that Fit returns.
        using var after = LampQSession.Load(quantized.Bytes, new LampQSessionOptions(session));
        var reference = ModelOutputs.Of(before, samples, run, cancellation);
        // Where the model states its classes, they were compared when the rows were read.
        if (samples.HasLabels)
            samples.CheckLabels(reference.Classes);
        var fp32 = Evaluation.Of(reference, samples);
        var evaluation = Evaluation.Of(ModelOutputs.Of(after, samples, run, cancellation), samples, reference);
        int batch = model.FixedBatch ?? 1;
        var latency = LatencyComparison.Measure(before, after, samples.Take(batch).Tensors(run with { BatchSize = batch }, cancellation).First(), 0.75, cancellation);
        return new LampQReport
        {
            Rows = samples.Count,
            AverageBits = result.AverageBits,
            Layers = [.. result.Layers.Select(l => new LampQLayer(l.Name, l.Type.Word(), l.Bits, l.Parameters, l.Sensitivity))],
            Fp32Bytes = model.Bytes.LongLength,
            QuantizedBytes = quantized.Bytes.LongLength,
            Agreement = evaluation.Agreement!.Value,
            MeanKl = evaluation.MeanKl!.Value,
            Fp32Top1 = fp32.Top1,
            Top1 = evaluation.Top1,
            Fp32Milliseconds = latency.First,
            QuantizedMilliseconds = latency.Second,
            Lowering = after.Report,
            Seconds = watch.Elapsed.TotalSeconds,
            Notes = result.Notes,
        };
    }

    /// <summary>Says the same to ML.NET's log, which has no progress of its own, and to the user's listener.</summary>
    sealed class Messages(IChannel channel, IProgress<string>? listener) : IProgress<string>
    {
        public void Report(string value)
        {
            channel.Info(MessageSensitivity.None, value);
            listener?.Report(value);
        }
    }
}
