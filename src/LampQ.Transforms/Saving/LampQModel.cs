using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>
/// Saves and loads whole pipelines so that LampQ's steps come back as they were: batched, with their reports. The file is an ordinary ML.NET model with one entry
/// more, <c>LampQ/manifest.json</c>: a plain <c>mlContext.Model.Load</c> reads it too, and scores row by row.
/// </summary>
public static class LampQModel
{
    const string ManifestEntry = "LampQ/manifest.json", Root = "TransformerChain";
    // A report may hold numbers that JSON has no digits for: the divergence of a model that gives no numbers.
    static readonly JsonSerializerOptions json = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Saves a model to a file.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">A LampQ step, or a chain with some in it at any depth.</param>
    /// <param name="inputSchema">The schema of the data the model takes; null saves none.</param>
    /// <param name="path">The file; an existing one is replaced only when everything was written.</param>
    /// <exception cref="ObjectDisposedException">A step was disposed.</exception>
    /// <exception cref="NotSupportedException">A step's inputs or outputs cannot be saved in its format.</exception>
    public static void Save(MLContext mlContext, ITransformer model, DataViewSchema? inputSchema, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path), temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite))
                Save(mlContext, model, inputSchema, stream);
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Saves a model to an empty stream that can be read, written and moved in.</summary>
    /// <inheritdoc cref="Save(MLContext, ITransformer, DataViewSchema?, string)"/>
    /// <exception cref="ArgumentException">The stream holds something already, or cannot be read, written and moved in.</exception>
    public static void Save(MLContext mlContext, ITransformer model, DataViewSchema? inputSchema, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stream);
        // The manifest is added to the finished file, which takes the whole stream.
        if (!stream.CanSeek || !stream.CanRead || !stream.CanWrite || stream.Length > 0)
            throw new ArgumentException("Expected an empty stream that can be read, written and moved in. Save to a MemoryStream first and copy that.", nameof(stream));
        mlContext.Model.Save(model, inputSchema, stream);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true);
        using var entry = zip.CreateEntry(ManifestEntry).Open();
        JsonSerializer.Serialize(entry, new Manifest { Steps = [.. StepsOf(model, [])] }, json);
    }

    /// <summary>Loads a model from a file.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="path">A file of <see cref="Save(MLContext, ITransformer, DataViewSchema?, string)"/>.</param>
    /// <param name="inputSchema">The schema that was saved; null where none was.</param>
    /// <returns>The chain, with LampQ's steps as <see cref="LampQTransformer"/>. A step that was saved alone stands in a chain of one when ML.NET says so.</returns>
    /// <exception cref="InvalidDataException">There is no manifest, or it does not fit the model.</exception>
    public static ITransformer Load(MLContext mlContext, string path, out DataViewSchema? inputSchema)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = File.OpenRead(path);
        return Load(mlContext, stream, out inputSchema);
    }

    /// <summary>Loads a model from a stream that can be moved in.</summary>
    /// <inheritdoc cref="Load(MLContext, string, out DataViewSchema?)"/>
    public static ITransformer Load(MLContext mlContext, Stream stream, out DataViewSchema? inputSchema)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(stream);
        long start = stream.Position;
        var loaded = mlContext.Model.Load(stream, out var schema);
        inputSchema = schema;
        stream.Position = start;
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        var manifest = ReadManifest(zip);
        return Restore(loaded, [], [.. manifest.Steps], (step, plain) => Restore(mlContext, zip, step, plain));
    }

    static Manifest ReadManifest(ZipArchive zip)
    {
        var entry = zip.GetEntry(ManifestEntry)
            ?? throw new InvalidDataException($"The model has no {ManifestEntry}: it was not saved by LampQModel.Save. Load it by mlContext.Model.Load.");
        using var stream = entry.Open();
        Manifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<Manifest>(stream, json);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{ManifestEntry} cannot be read: {e.Message}", e);
        }
        return manifest is { Version: Manifest.CurrentVersion } ? manifest
            : throw new InvalidDataException($"{ManifestEntry} has version {manifest?.Version}; this LampQ reads {Manifest.CurrentVersion}.");
    }

    static IEnumerable<ManifestStep> StepsOf(ITransformer model, int[] place) => model switch
    {
        LampQTransformer step => [ManifestStep.Of(step, place)],
        IEnumerable<ITransformer> chain => chain.SelectMany((step, i) => StepsOf(step, [.. place, i])),
        _ => [],
    };

    /// <summary>The loaded model with the steps at the manifest's places replaced.</summary>
    static ITransformer Restore(ITransformer loaded, int[] place, IReadOnlyList<ManifestStep> steps, Func<ManifestStep, ITransformer, LampQTransformer> restore)
    {
        if (steps.FirstOrDefault(s => s.Place.SequenceEqual(place)) is { } step)
            return restore(step, loaded);
        if (!steps.Any(s => s.Place.Length > place.Length && s.Place[..place.Length].SequenceEqual(place)))
            return loaded;
        if (loaded is not TransformerChain<ITransformer> chain)
            throw new InvalidDataException($"{ManifestEntry} names a step inside place [{string.Join(", ", place)}], which is no chain but {loaded.GetType().Name}.");
        return new TransformerChain<ITransformer>(chain.Select((t, i) => Restore(t, [.. place, i], steps, restore)).ToArray(), Scopes(chain));
    }

    static LampQTransformer Restore(MLContext mlContext, ZipArchive zip, ManifestStep step, ITransformer plain)
    {
        string folder = string.Concat(step.Place.Select(i => $"/Transform_{i:000}"));
        var format = SaveFormat.Find(step.Format);
        byte[] model = format.ReadModel(mlContext, plain, name => Entry(zip, $"{Root}{folder}/{name}"));
        (plain as IDisposable)?.Dispose();
        return new LampQTransformer(mlContext, ScoringModel.Of(model), new LampQScoringOptions
        {
            InputColumnNames = step.Inputs,
            OutputColumnNames = step.Outputs,
            BatchSize = step.BatchSize,
            Threads = step.Threads,
            SaveAs = format,
        }, step.Report);
    }

    static byte[] Entry(ZipArchive zip, string name)
    {
        var entry = zip.GetEntry(name) ?? zip.GetEntry(name.Replace('/', '\\')) ?? throw new InvalidDataException($"The model has no entry '{name}', which its manifest needs.");
        using var stream = entry.Open();
        byte[] bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The scope of each step; a chain tells only which steps are left under a scope.</summary>
    static TransformerScope[] Scopes(TransformerChain<ITransformer> chain)
    {
        TransformerScope[] bits = [TransformerScope.Training, TransformerScope.Testing, TransformerScope.Scoring];
        var members = bits.Select(b => chain.GetModelFor(b).ToHashSet(ReferenceEqualityComparer.Instance)).ToArray();
        return [.. chain.Select(t => bits.Where((_, i) => members[i].Contains(t)).Aggregate(TransformerScope.None, (all, bit) => all | bit))];
    }
}
