using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(TransformerChainLoader), TransformerChainLoader.LoaderSignature)]

namespace Microsoft.ML.Data;

/// <summary>Transformers applied one after the other.</summary>
public sealed class TransformerChain<TLastTransformer> : ITransformer, IEnumerable<ITransformer>, IDisposable where TLastTransformer : class, ITransformer
{
    public readonly TLastTransformer LastTransformer;
    readonly ITransformer[] transformers;
    readonly TransformerScope[] scopes;
    bool disposed;

    public TransformerChain(IEnumerable<ITransformer> transformers, IEnumerable<TransformerScope> scopes)
    {
        this.transformers = [.. transformers];
        this.scopes = [.. scopes];
        if (this.transformers.Length != this.scopes.Length)
            throw new InvalidOperationException($"There are {this.transformers.Length} transformers and {this.scopes.Length} scopes.");
        LastTransformer = this.transformers.Length == 0 ? null! : (TLastTransformer)this.transformers[^1];
    }

    public TransformerChain(params ITransformer[] transformers) : this(transformers, transformers.Select(_ => TransformerScope.Everything)) { }

    bool ITransformer.IsRowToRowMapper => transformers.All(t => t.IsRowToRowMapper);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => GetOutputSchema(inputSchema, TransformerScope.Scoring);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema, TransformerScope scope) =>
        GetModelFor(scope).transformers.Aggregate(inputSchema, (schema, t) => t.GetOutputSchema(schema));

    public IDataView Transform(IDataView input) => Transform(input, TransformerScope.Scoring);

    public IDataView Transform(IDataView input, TransformerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        var chain = GetModelFor(scope);
        chain.GetOutputSchema(input.Schema);
        return chain.transformers.Aggregate(input, (view, t) => t.Transform(view));
    }

    public TransformerChain<ITransformer> GetModelFor(TransformerScope scopeFilter)
    {
        int[] kept = [.. Enumerable.Range(0, transformers.Length).Where(i => (scopes[i] & scopeFilter) != 0)];
        return new(kept.Select(i => transformers[i]), kept.Select(i => scopes[i]));
    }

    public TransformerChain<TNewLast> Append<TNewLast>(TNewLast transformer, TransformerScope scope = TransformerScope.Everything) where TNewLast : class, ITransformer =>
        new([.. transformers, transformer], [.. scopes, scope]);

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        var mappers = new List<IRowToRowMapper>();
        var schema = inputSchema;
        foreach (var transformer in transformers)
        {
            mappers.Add(transformer.GetRowToRowMapper(schema));
            schema = mappers[^1].OutputSchema;
        }
        return new CompositeMapper(inputSchema, mappers);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(new VersionInfo("XF CHAIN", 0x00010001, 0x00010001, TransformerChainLoader.LoaderSignature, VersionInfo.Official("Microsoft.ML.Data")));
        ctx.Writer.Write(transformers.Length);
        for (int i = 0; i < transformers.Length; i++)
        {
            ctx.Writer.Write((int)scopes[i]);
            ctx.SaveModel(transformers[i], TransformerChainLoader.Folder(i));
        }
    }

    public IEnumerator<ITransformer> GetEnumerator() => ((IEnumerable<ITransformer>)transformers).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        foreach (var transformer in transformers)
            (transformer as IDisposable)?.Dispose();
    }
}

static class TransformerChainLoader
{
    internal const string LoaderSignature = "TransformerChain";

    internal static string Folder(int index) => $"Transform_{index:000}";

    internal static TransformerChain<ITransformer> Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var transformers = new ITransformer[ctx.Reader.ReadInt32()];
        var scopes = new TransformerScope[transformers.Length];
        for (int i = 0; i < transformers.Length; i++)
        {
            scopes[i] = (TransformerScope)ctx.Reader.ReadInt32();
            transformers[i] = ctx.LoadModel(env, Folder(i));
        }
        return new TransformerChain<ITransformer>(transformers, scopes);
    }
}

/// <summary>Row mappers one after the other; schemas are handed on as the same objects.</summary>
sealed class CompositeMapper(DataViewSchema inputSchema, List<IRowToRowMapper> mappers) : IRowToRowMapper
{
    public DataViewSchema InputSchema => inputSchema;

    public DataViewSchema OutputSchema => mappers.Count == 0 ? inputSchema : mappers[^1].OutputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var needed = dependingColumns;
        for (int i = mappers.Count - 1; i >= 0; i--)
            needed = mappers[i].GetDependencies(needed);
        return needed;
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        var active = new IEnumerable<DataViewSchema.Column>[mappers.Count];
        var needed = activeColumns;
        for (int i = mappers.Count - 1; i >= 0; i--)
        {
            active[i] = [.. needed];
            needed = mappers[i].GetDependencies(active[i]);
        }
        var row = input;
        for (int i = 0; i < mappers.Count; i++)
            row = mappers[i].GetRow(row, active[i]);
        return row;
    }
}
