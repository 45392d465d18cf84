using System.IO.Compression;
using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>One component's folder in a model file that is being read.</summary>
sealed class ModelLoadContext
{
    readonly ZipArchive zip;
    readonly string folder;
    readonly string[] strings;

    ModelLoadContext(ZipArchive zip, string folder, byte[] payload, string[] strings, VersionInfo version)
    {
        this.zip = zip;
        this.folder = folder;
        this.strings = strings;
        Version = version;
        Reader = new BinaryReader(new MemoryStream(payload));
    }

    public VersionInfo Version { get; }

    public BinaryReader Reader { get; }

    public string LoadString() => LoadStringOrNull() ?? throw new FormatException($"'{folder}' holds no string where one is expected.");

    public string? LoadStringOrNull()
    {
        int index = Reader.ReadInt32();
        return index < 0 ? null : strings[index];
    }

    public byte[] LoadBinaryStream(string name) => ReadEntry(zip, $"{folder}/{name}") ?? throw new FormatException($"'{folder}/{name}' is missing.");

    public ITransformer LoadModel(IHostEnvironment env, string name) => Load(env, zip, $"{folder}/{name}");

    public static ITransformer Load(IHostEnvironment env, ZipArchive zip, string folder)
    {
        byte[] file = ReadEntry(zip, $"{folder}/Model.key") ?? throw new FormatException($"Corrupt model file: '{folder}/Model.key' is missing.");
        var (payload, strings, version) = ModelHeader.Read(file);
        // By simple name, so that files of the signed assemblies load here too.
        env.ComponentCatalog.RegisterAssembly(Assembly.Load(new AssemblyName(version.LoaderAssembly).Name!));
        var create = env.ComponentCatalog.Loader(version.LoaderSignature)
            .GetMethod("Create", BindingFlags.Static | BindingFlags.NonPublic, [typeof(IHostEnvironment), typeof(ModelLoadContext)])!;
        try
        {
            return (ITransformer)create.Invoke(null, [env, new ModelLoadContext(zip, folder, payload, strings, version)])!;
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            throw new InvalidOperationException($"Error during class instantiation: {e.InnerException.Message}", e.InnerException);
        }
    }

    public static byte[]? ReadEntry(ZipArchive zip, string name)
    {
        // Model files written on Windows by old versions have backslashes.
        var entry = zip.GetEntry(name) ?? zip.GetEntry(name.Replace('/', '\\'));
        if (entry is null)
            return null;
        using var stream = entry.Open();
        byte[] bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
