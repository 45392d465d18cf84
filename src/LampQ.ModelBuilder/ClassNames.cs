using LampQ.Cli;

namespace LampQ.ModelBuilder;

/// <summary>Decides what the classes of a model are called.</summary>
static class ClassNames
{
    /// <param name="folder">The data.</param>
    /// <param name="classes">Scores of the model.</param>
    /// <param name="labelsFile">One name a line, class 0 first; null takes the folders in ordinal order, as torchvision numbers them.</param>
    /// <exception cref="CommandError">Names, folders and scores do not fit together.</exception>
    public static string[] Decide(ImageFolder folder, int classes, string? labelsFile)
    {
        if (labelsFile is null)
            return folder.Labels.Count == classes ? [.. folder.Labels]
                : throw CommandError.Usage($"The model has {classes} classes, but '{folder.Path}' has {folder.Labels.Count} folders with images. LampQ quantizes a model and trains none: give one fine-tuned on these classes, or --labels with the {classes} names.");
        if (!File.Exists(labelsFile))
            throw CommandError.Usage($"--labels is '{labelsFile}', which does not exist; expected a text file with one class name a line.");
        string[] names = CommandError.BlameData(labelsFile, () => File.ReadAllLines(labelsFile).Select(l => l.Trim()).Where(l => l.Length > 0).ToArray());
        if (names.Length != classes)
            throw CommandError.Usage($"--labels '{labelsFile}' has {names.Length} names; the model has {classes} classes.");
        if (folder.Labels.FirstOrDefault(l => !names.Contains(l)) is { } unknown)
            throw CommandError.Usage($"The folder '{unknown}' in '{folder.Path}' is none of the names in '{labelsFile}'. Rename it as the class is called there.");
        return names;
    }
}
