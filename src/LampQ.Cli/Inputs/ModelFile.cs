using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>Reads the model that an argument names.</summary>
static class ModelFile
{
    /// <summary>Reads it, external data included.</summary>
    /// <exception cref="CommandError">It is missing, empty, cut short, or no ONNX.</exception>
    public static Model Read(string path) => File.Exists(path)
        ? CommandError.BlameModel(path, () => Model.Read(path))
        : throw CommandError.Model($"The model file '{path}' {(Directory.Exists(path) ? "is a folder" : "does not exist")}; expected an .onnx file. Check the path.");
}
