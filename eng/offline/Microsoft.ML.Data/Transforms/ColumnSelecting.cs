using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(typeof(ColumnSelectingTransformer), ColumnSelectingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Drops columns, and hidden ones with them.</summary>
public sealed class ColumnSelectingEstimator : TrivialEstimator<ColumnSelectingTransformer>
{
    internal ColumnSelectingEstimator(string[] dropped) : base(new ColumnSelectingTransformer(false, false, false, dropped)) { }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        foreach (string name in Transformer.Names)
            inputSchema.Require(name);
        return new(inputSchema.Where(c => Transformer.Keeps(c.Name)));
    }
}

/// <inheritdoc cref="ColumnSelectingEstimator"/>
public sealed class ColumnSelectingTransformer : ITransformer
{
    internal const string LoaderSignature = "SelectColumnsTransform";

    readonly bool keep, keepHidden, ignoreMissing;
    readonly string[] names;

    internal ColumnSelectingTransformer(bool keep, bool keepHidden, bool ignoreMissing, string[] names) =>
        (this.keep, this.keepHidden, this.ignoreMissing, this.names) = (keep, keepHidden, ignoreMissing, names);

    bool ITransformer.IsRowToRowMapper => true;

    internal IReadOnlyList<string> Names => names;

    internal bool Keeps(string name) => names.Contains(name) == keep;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).Output;

    public IDataView Transform(IDataView input) => new MappedView(input, Bind(input.Schema));

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => new MappedRows(Bind(inputSchema));

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(new VersionInfo("SELCOLST", 0x00010001, 0x00010001, LoaderSignature, VersionInfo.Official("Microsoft.ML.Data")));
        ctx.Writer.Write(keep);
        ctx.Writer.Write(keepHidden);
        ctx.Writer.Write(ignoreMissing);
        ctx.Writer.Write(names.Length);
        foreach (string name in names)
            ctx.SaveString(name);
    }

    internal static ColumnSelectingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        bool keep = ctx.Reader.ReadBoolean(), keepHidden = ctx.Reader.ReadBoolean(), ignoreMissing = ctx.Reader.ReadBoolean();
        string[] names = new string[ctx.Reader.ReadInt32()];
        for (int i = 0; i < names.Length; i++)
            names[i] = ctx.LoadString();
        return new ColumnSelectingTransformer(keep, keepHidden, ignoreMissing, names);
    }

    Mapping Bind(DataViewSchema input)
    {
        if (!ignoreMissing && names.FirstOrDefault(n => input.GetColumnOrNull(n) is null) is { } missing)
            throw Errors.MissingColumn("inputSchema", missing);
        return new Mapping(input, [.. input.Where(c => Keeps(c.Name) && (keepHidden || !c.IsHidden)).Select(c => c.Index)]);
    }

    sealed class Mapping(DataViewSchema input, int[] kept) : MappedSchema(input, kept);
}
