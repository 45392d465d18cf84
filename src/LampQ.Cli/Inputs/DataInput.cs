using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>The images behind a path, opened for a model.</summary>
/// <param name="Samples">Checked against the model's input; not loaded yet.</param>
/// <param name="Preprocessing">What happens to pictures, in words; null for arrays, which are taken as they are.</param>
sealed record DataInput(SampleSet Samples, string? Preprocessing)
{
    /// <summary>Opens a folder, a labels.tsv or a .npy file, and says on stderr what happens to pictures.</summary>
    /// <param name="path">The data.</param>
    /// <param name="model">The model they are for.</param>
    /// <param name="choice">What the user asked for.</param>
    /// <param name="terminal">Gets the line.</param>
    /// <exception cref="CommandError">The data are missing, broken, or do not fit the model.</exception>
    public static DataInput Open(string path, ClassifierModel model, PreprocessingChoice choice, Terminal terminal)
    {
        var (steps, source) = choice.Decide(model.Path, path, model.ImageSize);
        var samples = CommandError.BlameData(path, () => SampleSet.Open(path, steps));
        string? text = null;
        // Arrays are named x.npy, or x.npy[0] where they are stacked in one file.
        if (!samples.Name(0).Contains(".npy", StringComparison.OrdinalIgnoreCase))
        {
            text = PreprocessingChoice.Describe(steps);
            terminal.Report($"preprocessing: {text} ({source})");
        }
        model.CheckShape(samples, path);
        return new DataInput(samples, text);
    }
}
