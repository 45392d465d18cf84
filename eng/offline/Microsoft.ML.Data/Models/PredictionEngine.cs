using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>How objects and columns are matched, and who disposes the transformer.</summary>
public sealed class PredictionEngineOptions
{
    public bool IgnoreMissingColumns = true;
    public SchemaDefinition? InputSchemaDefinition;
    public SchemaDefinition? OutputSchemaDefinition;
    public bool OwnsTransformer = true;
}

/// <summary>A transformer for one object at a time. Cannot be derived from outside.</summary>
public abstract class PredictionEngineBase<TSrc, TDst> : IDisposable where TSrc : class where TDst : class, new()
{
    readonly ITransformer transformer;
    readonly bool ownsTransformer;
    bool disposed;

    private protected PredictionEngineBase(ITransformer transformer, bool ownsTransformer, ObjectSchema<TSrc> schema)
    {
        this.transformer = transformer;
        this.ownsTransformer = ownsTransformer;
        OutputSchema = transformer.GetOutputSchema(schema.Schema);
    }

    public DataViewSchema OutputSchema { get; }

    public TDst Predict(TSrc example)
    {
        var prediction = new TDst();
        Predict(example, ref prediction);
        return prediction;
    }

    public abstract void Predict(TSrc example, ref TDst prediction);

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        DisposeRow();
        if (ownsTransformer)
            (transformer as IDisposable)?.Dispose();
    }

    private protected abstract void DisposeRow();
}

/// <inheritdoc cref="PredictionEngineBase{TSrc, TDst}"/>
public sealed class PredictionEngine<TSrc, TDst> : PredictionEngineBase<TSrc, TDst> where TSrc : class where TDst : class, new()
{
    readonly ObjectRow<TSrc> input;
    readonly Action<TDst> fill;

    internal PredictionEngine(ITransformer transformer, PredictionEngineOptions options)
        : this(transformer, options, new ObjectSchema<TSrc>(options.InputSchemaDefinition)) { }

    PredictionEngine(ITransformer transformer, PredictionEngineOptions options, ObjectSchema<TSrc> schema) : base(transformer, options.OwnsTransformer, schema)
    {
        if (!transformer.IsRowToRowMapper)
            throw new ArgumentOutOfRangeException(nameof(transformer), "Must be a row to row mapper");
        var mapper = transformer.GetRowToRowMapper(schema.Schema);
        input = new ObjectRow<TSrc>(schema);
        var filler = new ObjectFiller<TDst>(mapper.OutputSchema, options.IgnoreMissingColumns, options.OutputSchemaDefinition);
        fill = filler.Bind(mapper.GetRow(input, mapper.OutputSchema));
    }

    public override void Predict(TSrc example, ref TDst prediction)
    {
        input.Extract(example);
        fill(prediction);
    }

    // The input row alone, as in ML.NET: output rows are never disposed there.
    private protected override void DisposeRow() => input.Dispose();
}
