using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Scores an ONNX model, a batch of rows a run.</summary>
/// <remarks>
/// <para>Rows keep their order, ids and other columns. Nothing is run until a cursor asks for an output, and a cursor runs the model once a batch; a
/// prediction engine runs it once a prediction. Cursors may be read on several threads at once.</para>
/// <para>Everything is in memory: the files it was made from may change or vanish.</para>
/// </remarks>
public sealed class LampQTransformer : ITransformer, IDisposable
{
    readonly ScoringModel model;
    readonly Engine engine;
    readonly InputBuffers buffers = new();
    bool disposed;

    internal LampQTransformer(MLContext mlContext, ScoringModel model, LampQScoringOptions options, LampQReport? report = null)
    {
        MLContext = mlContext;
        this.model = model;
        Names = ColumnNames.Of(model, options);
        SaveAs = options.SaveAs;
        Threads = options.Threads;
        RowsAtOnce = model.FixedBatch ?? options.BatchSize;
        Report = report;
        engine = new Engine(model.Bytes, options.Threads);
    }

    /// <summary>How the model came about and what it costs; null for one that was quantized elsewhere.</summary>
    public LampQReport? Report { get; }

    /// <summary>Rows a run.</summary>
    public int BatchSize => RowsAtOnce;

    /// <summary>How <c>mlContext.Model.Save</c> writes the step.</summary>
    public SaveFormat SaveAs { get; }

    bool ITransformer.IsRowToRowMapper => true;

    internal MLContext MLContext { get; }

    internal ColumnNames Names { get; }

    internal int RowsAtOnce { get; }

    internal int Threads { get; }

    internal ScoringModel Model => model;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing, or has another type or size.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return Bind(inputSchema).Output;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing, or has another type or size.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ObjectDisposedException.ThrowIf(disposed, this);
        return new ScoredView(input, Bind(input.Schema), this);
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ObjectDisposedException.ThrowIf(disposed, this);
        return new RowMapper(Bind(inputSchema), this);
    }

    /// <summary>Writes the model as an ONNX file that ONNX Runtime and ML.NET's own <c>ApplyOnnxModel</c> score.</summary>
    /// <param name="path">The file; an existing one is replaced only when everything was written.</param>
    /// <exception cref="IOException">The folder does not exist or cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    /// <remarks>
    /// Inputs and outputs have the model's own names, which may differ from the columns'. Weights of types that ML.NET refuses as initializers stand in Constant nodes.
    /// A model quantized with <see cref="Quantization.ExportFormat.Packed"/> is written as it is, and runs where LampQ's operators are.
    /// </remarks>
    public void ExportOnnx(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ObjectDisposedException.ThrowIf(disposed, this);
        new InitializersToConstants(InitializersToConstants.RefusedByMLNet).Apply(Onnx.Model.Read(model.Bytes)).Write(path);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        SaveAs.Save(this, ctx);
    }

    /// <summary>Frees the model; cursors that still run fail from now on.</summary>
    public void Dispose()
    {
        // ML.NET disposes a chain's steps once through the chain and once through each prediction engine.
        if (disposed)
            return;
        disposed = true;
        engine.Dispose();
        buffers.Clear();
    }

    internal Batch NewBatch(SchemaBinding binding, DataViewRow source, IEnumerable<DataViewSchema.Column> columns, bool one = false)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return new Batch(engine, binding, source, one ? 1 : RowsAtOnce, binding.Outputs(columns), buffers);
    }

    SchemaBinding Bind(DataViewSchema input) => new(model, Names, SaveAs, input);
}
