using System.IO.Compression;
using System.Text;

namespace Microsoft.ML;

/// <summary>One component's folder in a model file that is being written.</summary>
public sealed class ModelSaveContext : IDisposable
{
    readonly ZipArchive zip;
    readonly string folder;
    readonly List<string> strings = [];
    readonly MemoryStream payload = new();
    VersionInfo? version;

    internal ModelSaveContext(ZipArchive zip, string folder)
    {
        this.zip = zip;
        this.folder = folder;
        Writer = new BinaryWriter(payload, Encoding.UTF8, leaveOpen: true);
    }

    internal BinaryWriter Writer { get; }

    internal void SetVersionInfo(VersionInfo info) => version = info;

    internal void SaveString(string text)
    {
        int index = strings.IndexOf(text);
        if (index < 0)
        {
            index = strings.Count;
            strings.Add(text);
        }
        Writer.Write(index);
    }

    internal void SaveStringOrNull(string? text)
    {
        if (text is null)
            Writer.Write(-1);
        else
            SaveString(text);
    }

    internal void SaveBinaryStream(string name, Action<BinaryWriter> write)
    {
        using var stream = zip.CreateEntry($"{folder}/{name}").Open();
        using var writer = new BinaryWriter(stream);
        write(writer);
    }

    internal void SaveModel(ICanSaveModel model, string name) => Save(zip, model, $"{folder}/{name}");

    internal static void Save(ZipArchive zip, ICanSaveModel model, string folder)
    {
        using var context = new ModelSaveContext(zip, folder);
        model.Save(context);
        context.Done();
    }

    // The frame is written last: one entry of a zip is open at a time.
    void Done()
    {
        if (version is null)
            throw new InvalidOperationException("ModelSignature not specified!");
        byte[] bytes = ModelHeader.Write(payload.ToArray(), strings, version);
        using var stream = zip.CreateEntry($"{folder}/Model.key").Open();
        stream.Write(bytes);
    }

    public void Dispose() => Writer.Dispose();
}
