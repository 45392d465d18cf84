using System.Globalization;

namespace LampQ.Quantization;

/// <summary>A file that holds one sample.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">What the user called it.</param>
/// <param name="Label">Its class, or null.</param>
/// <param name="Origin">Where it was named: "Line 3 of 'labels.tsv'".</param>
sealed record SampleFile(string Path, string Name, int? Label, string Origin)
{
    internal SampleDescription Description => new(Name, Label, Origin);

    internal bool IsArray => System.IO.Path.GetExtension(Path).Equals(".npy", StringComparison.OrdinalIgnoreCase);
}

/// <summary>Finds the samples that a path stands for: a folder, a <c>labels.tsv</c>, or one file.</summary>
/// <remarks>
/// A folder that contains <c>labels.tsv</c> is what that file says; any other folder is its .jpg, .jpeg, .png or .npy files,
/// sorted by the code units of their names, folders inside it left out. In labels.tsv each line is a file name, relative to the
/// folder of labels.tsv, then optionally a tab and a class number; empty lines and lines that start with # are skipped.
/// </remarks>
static class SampleFiles
{
    internal const string LabelsName = "labels.tsv";

    static readonly string[] extensions = [".jpg", ".jpeg", ".png", ".npy"];

    /// <summary>Lists the samples, at least one.</summary>
    /// <exception cref="ArgumentException">The path does not exist, or the folder holds no sample, or both images and arrays.</exception>
    /// <exception cref="InvalidDataException">labels.tsv names no file, a missing file, a file twice, or something that is not a class number.</exception>
    internal static IReadOnlyList<SampleFile> Find(string path)
    {
        if (Directory.Exists(path))
        {
            var labels = Path.Combine(path, LabelsName);
            return File.Exists(labels) ? ReadLabels(labels) : ListFolder(path);
        }
        if (!File.Exists(path))
            throw new ArgumentException($"The data '{path}' do not exist. Give a folder of images, a {LabelsName}, or a .npy file.", nameof(path));
        var extension = Path.GetExtension(path).ToLowerInvariant();
        if (extension is ".tsv" or ".txt") return ReadLabels(path);
        if (extensions.Contains(extension)) return [new SampleFile(path, Path.GetFileName(path), null, $"'{path}'")];
        throw new ArgumentException($"The data '{path}' are a file of an unknown kind; expected a folder of images, a {LabelsName}, or a file that ends in {string.Join(", ", extensions)}.", nameof(path));
    }

    static List<SampleFile> ListFolder(string folder)
    {
        var files = Directory.EnumerateFiles(folder)
            .Where(file => extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)
            .Select(file => new SampleFile(file, Path.GetFileName(file), null, $"'{folder}'"))
            .ToList();
        if (files.Count == 0)
            throw new ArgumentException($"The folder '{folder}' holds no image; expected files that end in {string.Join(", ", extensions)}, or a {LabelsName} (folders inside it are not searched).", nameof(folder));
        var arrays = files.Count(file => file.IsArray);
        if (arrays > 0 && arrays < files.Count)
            throw new ArgumentException($"The folder '{folder}' holds {files.Count - arrays} images and {arrays} .npy files; expected only one kind. Separate them.", nameof(folder));
        return files;
    }

    static List<SampleFile> ReadLabels(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var files = new List<SampleFile>();
        var linesByFile = new Dictionary<string, int>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line) || line.StartsWith('#')) continue;
            var columns = line.Split('\t');
            var name = columns[0].Trim();
            var origin = $"Line {number} of '{path}'";
            if (columns.Length > 2 || name.Length == 0)
                throw new InvalidDataException($"{origin} is '{line}'; expected a file name, or a file name, a tab and a class number.");
            var file = Path.GetFullPath(Path.Combine(folder, name));
            if (!File.Exists(file))
                throw new InvalidDataException($"{origin} names the file '{name}', which does not exist in '{folder}'. Correct the name or remove the line.");
            if (!linesByFile.TryAdd(file, number))
                throw new InvalidDataException($"{origin} names the file '{name}' again; line {linesByFile[file]} has it already. Remove one of them.");
            files.Add(new SampleFile(file, name, ParseLabel(columns, origin), origin));
            if (files[^1].IsArray != files[0].IsArray)
                throw new InvalidDataException($"{origin} names '{name}', but the first file is '{files[0].Name}'; expected only images or only .npy files. Separate them.");
        }
        if (files.Count == 0)
            throw new InvalidDataException($"'{path}' names no file; expected lines of a file name, or a file name, a tab and a class number.");
        return files;
    }

    static int? ParseLabel(string[] columns, string origin)
    {
        if (columns.Length < 2 || columns[1].Trim().Length == 0) return null;
        return int.TryParse(columns[1].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var label)
            ? label
            : throw new InvalidDataException($"{origin} has the label '{columns[1].Trim()}'; expected a class number, 0 or more, or nothing after the file name.");
    }
}
