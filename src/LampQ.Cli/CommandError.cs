using LampQ.Solver;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Cli;

/// <summary>Ends the command with a message for the user: what was found, what is expected, what to do.</summary>
sealed class CommandError(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public int ExitCode => exitCode;

    /// <summary>Wrong options.</summary>
    public static CommandError Usage(string message) => new(ExitCodes.Usage, message);

    /// <summary>A model that cannot be used.</summary>
    public static CommandError Model(string message) => new(ExitCodes.Model, message);

    /// <summary>Does something that fails only when the model is to blame.</summary>
    public static T BlameModel<T>(string path, Func<T> work) => Blame(ExitCodes.Model, $"Model '{path}': ", path, work);

    /// <summary>Does something that fails only when the data are to blame.</summary>
    public static T BlameData<T>(string path, Func<T> work) => Blame(ExitCodes.Usage, $"Data '{path}': ", path, work);

    /// <inheritdoc cref="BlameData{T}"/>
    public static void BlameData(string path, Action work) => BlameData(path, () =>
    {
        work();
        return true;
    });

    /// <summary>Runs a model over samples: what ONNX Runtime refuses is the model's fault, whatever else fails the data's.</summary>
    public static T BlameModelOrData<T>(string modelPath, string dataPath, Func<T> work) => BlameData(dataPath, () =>
    {
        try
        {
            return work();
        }
        catch (OnnxRuntimeException e)
        {
            throw new CommandError(ExitCodes.Model, $"Model '{modelPath}' does not run on these samples: {e.Message}", e);
        }
    });

    /// <summary>Quantizes samples that were decoded before: what fails then is the model's fault, but for options and the scratch file, whose messages say what to do.</summary>
    public static T BlameModelOrScratchFile<T>(string modelPath, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or (ArgumentException and not InfeasibleBudgetException))
        {
            throw new CommandError(ExitCodes.Usage, Words(e), e);
        }
        catch (Exception e) when (e is NotSupportedException or InvalidDataException or OnnxRuntimeException)
        {
            throw new CommandError(ExitCodes.Model, $"Model '{modelPath}': {e.Message}", e);
        }
    }

    static T Blame<T>(int exitCode, string prefix, string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or ArgumentException or IOException or UnauthorizedAccessException
            or OverflowException or OnnxRuntimeException or DllNotFoundException)
        {
            string message = Words(e);
            throw new CommandError(exitCode, message.Contains(path, StringComparison.Ordinal) ? message : prefix + message, e);
        }
    }

    // ArgumentException appends its parameter's name, which says nothing to a user.
    static string Words(Exception e) => e is ArgumentException { ParamName: { Length: > 0 } name } ? e.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : e.Message;
}
