using LampQ.Cli;

namespace LampQ.ModelBuilder;

/// <summary>An image file and the folder it lies in.</summary>
sealed record LabelledFile(string Path, string Label);

/// <summary>Model Builder's image data: a folder for each class, named as the class.</summary>
/// <param name="Path">The folder of folders.</param>
/// <param name="Labels">Names of the folders that hold images, in ordinal order.</param>
/// <param name="Files">All images, in the order of folders and names.</param>
sealed record ImageFolder(string Path, IReadOnlyList<string> Labels, IReadOnlyList<LabelledFile> Files)
{
    static readonly string[] extensions = [".jpg", ".jpeg", ".png"];

    /// <summary>Lists a folder.</summary>
    /// <exception cref="CommandError">No folder in it holds an image.</exception>
    public static ImageFolder Open(string path)
    {
        List<LabelledFile> files = [.. CommandError.BlameData(path, () => Directory.GetDirectories(path).Order(StringComparer.Ordinal)
            .SelectMany(folder => Directory.GetFiles(folder).Where(f => extensions.Contains(System.IO.Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)
                .Select(file => new LabelledFile(file, System.IO.Path.GetFileName(folder)))).ToArray())];
        return files.Count > 0 ? new ImageFolder(path, [.. files.Select(f => f.Label).Distinct()], files)
            : throw CommandError.Usage($"No folder in '{path}' holds an image ({string.Join(", ", extensions)}); expected one folder of images for each class.");
    }

    /// <summary>Some of the images, drawn by a seed.</summary>
    public IReadOnlyList<LabelledFile> Draw(int count, int seed)
    {
        LabelledFile[] drawn = [.. Files];
        new Random(seed).Shuffle(drawn);
        return drawn[..Math.Min(count, drawn.Length)];
    }
}
