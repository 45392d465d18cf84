using System.IO.Compression;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Models in files, and for one row at a time.</summary>
public sealed class ModelOperationsCatalog
{
    const string Folder = "TransformerChain", SchemaEntry = "Schema";

    readonly IHostEnvironment env;

    internal ModelOperationsCatalog(IHostEnvironment env) => this.env = env;

    public void Save(ITransformer model, DataViewSchema? inputSchema, string filePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        using var stream = File.Create(filePath);
        Save(model, inputSchema, stream);
    }

    public void Save(ITransformer model, DataViewSchema? inputSchema, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        using (var writer = new StreamWriter(zip.CreateEntry("TrainingInfo/Version.txt").Open()))
            writer.WriteLine("4.0.3-offline");
        ModelSaveContext.Save(zip, model, Folder);
        if (inputSchema is null)
            return;
        var buffer = new MemoryStream();
        BinaryView.Write(buffer, new EmptyView(inputSchema));
        using var entry = zip.CreateEntry(SchemaEntry).Open();
        entry.Write(buffer.ToArray());
    }

    public ITransformer Load(string filePath, out DataViewSchema inputSchema)
    {
        ArgumentException.ThrowIfNullOrEmpty(filePath);
        using var stream = File.OpenRead(filePath);
        return Load(stream, out inputSchema);
    }

    public ITransformer Load(Stream stream, out DataViewSchema inputSchema)
    {
        using var zip = Open(stream);
        inputSchema = ModelLoadContext.ReadEntry(zip, SchemaEntry) is { } schema ? BinaryView.Read(schema).Schema : null!;
        return ModelLoadContext.Load(env, zip, Folder);
    }

    static ZipArchive Open(Stream stream)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (InvalidDataException e)
        {
            throw new FormatException("Failed to open a zip archive", e);
        }
    }

    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(ITransformer transformer, bool ignoreMissingColumns = true, SchemaDefinition? inputSchemaDefinition = null,
        SchemaDefinition? outputSchemaDefinition = null) where TSrc : class where TDst : class, new() =>
        CreatePredictionEngine<TSrc, TDst>(transformer, new PredictionEngineOptions
        {
            IgnoreMissingColumns = ignoreMissingColumns,
            InputSchemaDefinition = inputSchemaDefinition,
            OutputSchemaDefinition = outputSchemaDefinition,
        });

    public PredictionEngine<TSrc, TDst> CreatePredictionEngine<TSrc, TDst>(ITransformer transformer, PredictionEngineOptions options) where TSrc : class where TDst : class, new() =>
        new(transformer, options);

    sealed class EmptyView(DataViewSchema schema) : IDataView
    {
        public bool CanShuffle => false;

        public DataViewSchema Schema => schema;

        public long? GetRowCount() => 0;

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(schema, [.. columnsNeeded.Select(c => c.Index)]);

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

        sealed class Cursor(DataViewSchema schema, HashSet<int> active) : RootCursor(schema, active)
        {
            protected override bool MoveNextCore() => false;

            protected override Delegate Getter(DataViewSchema.Column column) => (Delegate)Generic.Call(typeof(Cursor), nameof(Never), column.Type.RawType)!;

            static ValueGetter<T> Never<T>() => (ref T value) => throw new InvalidOperationException("There are no rows.");
        }
    }
}
