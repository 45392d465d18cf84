namespace LampQ.Cli;

/// <summary>The place a model will be written to.</summary>
static class OutputFile
{
    /// <summary>Checks, before minutes of work, that a file can be written; nothing is left behind and an existing file stays as it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="modelPath">The model, which must not be written over.</param>
    /// <param name="option">The option it was given with.</param>
    /// <exception cref="CommandError">The folder is missing or cannot be written, or the file is the model itself.</exception>
    public static void Check(string path, string modelPath, string option = "--output")
    {
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full) ?? full;
        if (Directory.Exists(full))
            throw CommandError.Usage($"{option} is '{path}', a folder; expected the name of a file, such as '{Path.Combine(path, "model.q.onnx")}'.");
        if (string.Equals(full, Path.GetFullPath(modelPath), StringComparison.Ordinal))
            throw CommandError.Usage($"{option} is '{path}', the model itself; expected another file, so that the float model is kept.");
        if (!Directory.Exists(folder))
            throw CommandError.Usage($"{option} is '{path}', but the folder '{folder}' does not exist. Create it, or give another place.");
        try
        {
            string probe = Path.Combine(folder, $".lampq-{Guid.NewGuid():N}.tmp");
            using var stream = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandError(ExitCodes.Usage, $"{option} is '{path}', but nothing can be written to the folder '{folder}' ({e.Message}). Give another place.", e);
        }
    }
}
