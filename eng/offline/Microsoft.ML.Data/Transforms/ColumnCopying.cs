using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(typeof(ColumnCopyingTransformer), ColumnCopyingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Copies columns.</summary>
public sealed class ColumnCopyingEstimator : TrivialEstimator<ColumnCopyingTransformer>
{
    internal ColumnCopyingEstimator(string output, string input) : base(new ColumnCopyingTransformer([(output, input)])) { }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        inputSchema.With([.. Transformer.Columns.Select(c => inputSchema.Require(c.Input).Renamed(c.Output))]);
}

/// <inheritdoc cref="ColumnCopyingEstimator"/>
public sealed class ColumnCopyingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "CopyTransform";

    internal ColumnCopyingTransformer(IReadOnlyList<(string Output, string Input)> columns) : base(columns) { }

    internal static ColumnCopyingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(LoadColumns(ctx));

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(new VersionInfo("COPYCOLT", 0x00010001, 0x00010001, LoaderSignature, VersionInfo.Official("Microsoft.ML.Data")));
        SaveColumns(ctx);
    }

    private protected override MappedSchema Bind(DataViewSchema input) => new Mapping(input,
        [.. Columns.Select(c => (c.Output, input.GetColumnOrNull(c.Input) ?? throw Errors.MissingColumn("inputSchema", c.Input)))]);

    sealed class Mapping(DataViewSchema input, (string Output, DataViewSchema.Column Input)[] pairs)
        : MappedSchema(input, [.. pairs.Select(p => new DataViewSchema.DetachedColumn(p.Output, p.Input.Type, p.Input.Annotations))])
    {
        protected override IEnumerable<int> Dependencies(ISet<int> added) => added.Select(i => pairs[i].Input.Index);

        protected override Delegate?[] MakeGetters(DataViewRow source, ISet<int> added) =>
            [.. pairs.Select((p, i) => added.Contains(i) ? Generic.Getter(source, p.Input) : null)];
    }
}
