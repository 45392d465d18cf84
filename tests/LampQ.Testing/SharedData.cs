using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace LampQ.Testing;

/// <summary>
/// Real models and images that some tests use and the repository does not ship: the folder that the environment variable
/// LAMPQ_DATA names, or else shared/data beside the repository root. It is only read.
/// </summary>
public static class SharedData
{
    /// <summary>The folder, whether or not it exists.</summary>
    public static string Root => RootFor(Environment.GetEnvironmentVariable("LAMPQ_DATA"), Repository.Root);

    /// <summary>Where the data is for a given value of LAMPQ_DATA (null or empty: not set) and a given checkout.</summary>
    public static string RootFor(string? variable, string repositoryRoot) => Path.GetFullPath(
        string.IsNullOrEmpty(variable) ? Path.Combine(repositoryRoot, "..", "shared", "data") : variable);

    /// <summary>The full path of a file or folder of the shared data; ends the test as inconclusive (skipped) where it is absent.</summary>
    /// <param name="relativePath">Below <see cref="Root"/>, with forward slashes: <c>models/deit-tiny.onnx</c>.</param>
    /// <exception cref="AssertInconclusiveException">It does not exist.</exception>
    public static string Require(string relativePath) => Require(Root, relativePath);

    /// <summary><see cref="Require(string)"/> below a given folder.</summary>
    /// <exception cref="AssertInconclusiveException">It does not exist.</exception>
    public static string Require(string root, string relativePath)
    {
        string path = Path.GetFullPath(Path.Combine(root, relativePath));
        if (!Path.Exists(path))
            Assert.Inconclusive($"Needs '{relativePath}' in '{root}', which is not there. Set LAMPQ_DATA to the folder that holds it.");
        return path;
    }
}
