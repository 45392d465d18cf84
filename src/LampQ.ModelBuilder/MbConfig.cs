using System.Text.Json;
using LampQ.Cli;

namespace LampQ.ModelBuilder;

/// <summary>A Model Builder project: what LampQ needs of an .mbconfig.</summary>
/// <param name="Path">The file.</param>
/// <param name="ImageFolder">The folder whose folders are the classes, as a full path.</param>
sealed record MbConfig(string Path, string ImageFolder)
{
    /// <summary>The project's name, which names class and files: that of the .mbconfig, with _ for what no C# name can have.</summary>
    public string Name
    {
        get
        {
            string name = string.Concat(System.IO.Path.GetFileNameWithoutExtension(Path).Select(c => char.IsLetterOrDigit(c) ? c : '_'));
            return name.Length == 0 || char.IsDigit(name[0]) ? "_" + name : name;
        }
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CommandError">It is missing or broken, or no image classification of a folder.</exception>
    public static MbConfig Read(string path)
    {
        if (!File.Exists(path))
            throw CommandError.Usage($"--mbconfig is '{path}', which does not exist; expected a Model Builder project (.mbconfig).");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path), new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            var root = document.RootElement;
            string scenario = Text(root, "Scenario", path);
            if (scenario != "ImageClassification")
                throw CommandError.Usage($"'{path}' has the scenario {scenario}; LampQ quantizes image classifiers, so ImageClassification is expected.");
            var source = root.TryGetProperty("DataSource", out var found) && found.ValueKind == JsonValueKind.Object ? found
                : throw CommandError.Usage($"'{path}' has no DataSource; expected one of the type Folder. Choose the data in Model Builder first.");
            string type = Text(source, "Type", path);
            if (type != "Folder")
                throw CommandError.Usage($"'{path}' has a data source of the type {type}; expected Folder, with one folder of images for each class.");
            string folder = System.IO.Path.GetFullPath(Text(source, "FolderPath", path).Replace('\\', System.IO.Path.DirectorySeparatorChar), System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            return Directory.Exists(folder) ? new MbConfig(path, folder)
                : throw CommandError.Usage($"'{path}' names the image folder '{folder}', which does not exist. Correct FolderPath; it may be relative to the .mbconfig.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new CommandError(ExitCodes.Usage, $"'{path}' cannot be read as a Model Builder project: {e.Message}", e);
        }
    }

    static string Text(JsonElement element, string name, string path) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw CommandError.Usage($"'{path}' has no text '{name}'; expected a Model Builder project of version 2 or later.");
}
