namespace Microsoft.ML.Data;

/// <summary>A built-in step that adds columns row by row. Cannot be derived from outside.</summary>
public abstract class RowToRowTransformerBase : ITransformer
{
    private protected RowToRowTransformerBase() { }

    bool ITransformer.IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).Output;

    public IDataView Transform(IDataView input) => new MappedView(input, Bind(input.Schema));

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => new MappedRows(Bind(inputSchema));

    void ICanSaveModel.Save(ModelSaveContext ctx) => SaveModel(ctx);

    private protected abstract MappedSchema Bind(DataViewSchema input);

    private protected abstract void SaveModel(ModelSaveContext ctx);
}

/// <summary>A built-in step of (output, input) columns.</summary>
public abstract class OneToOneTransformerBase : RowToRowTransformerBase
{
    private protected OneToOneTransformerBase(IReadOnlyList<(string Output, string Input)> columns) => Columns = columns;

    internal IReadOnlyList<(string Output, string Input)> Columns { get; }

    private protected void SaveColumns(ModelSaveContext ctx)
    {
        ctx.Writer.Write(Columns.Count);
        foreach (var (output, input) in Columns)
        {
            ctx.SaveString(output);
            ctx.SaveString(input);
        }
    }

    private protected static (string Output, string Input)[] LoadColumns(ModelLoadContext ctx)
    {
        var columns = new (string, string)[ctx.Reader.ReadInt32()];
        for (int i = 0; i < columns.Length; i++)
            columns[i] = (ctx.LoadString(), ctx.LoadString());
        return columns;
    }
}

/// <summary>An estimator that learns nothing. Cannot be derived from outside.</summary>
public abstract class TrivialEstimator<TTransformer> : IEstimator<TTransformer> where TTransformer : class, ITransformer
{
    private protected TrivialEstimator(TTransformer transformer) => Transformer = transformer;

    private protected TTransformer Transformer { get; }

    public TTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        // Wrong columns are found here, not at the first row.
        Transformer.GetOutputSchema(input.Schema);
        return Transformer;
    }

    public abstract SchemaShape GetOutputSchema(SchemaShape inputSchema);
}
