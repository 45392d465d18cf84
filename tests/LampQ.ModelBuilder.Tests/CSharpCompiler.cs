using System.Diagnostics;

namespace LampQ.ModelBuilder.Tests;

/// <summary>The compiler of the .NET SDK that runs these tests, as a user's project would meet generated code.</summary>
static class CSharpCompiler
{
    /// <summary>Compiles files into a library, with everything that this test refers to.</summary>
    /// <returns>What the compiler says; empty where all is well.</returns>
    internal static string Compile(string library, params string[] files)
    {
        // bin/shared/Microsoft.NETCore.App/10.0.0 -> bin/sdk/*/Roslyn/bincore.
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string sdks = Path.GetFullPath(Path.Combine(framework, "..", "..", "..", "sdk"));
        string? compiler = !Directory.Exists(sdks) ? null
            : Directory.GetDirectories(sdks).Select(s => Path.Combine(s, "Roslyn", "bincore", "csc.dll")).Where(File.Exists).Order(StringComparer.Ordinal).LastOrDefault();
        if (compiler is null)
            Assert.Inconclusive($"There is no .NET SDK in '{sdks}', only a runtime.");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (string argument in (string[])["exec", compiler, "/nologo", "/langversion:10", "/target:library", "/nostdlib", "/warnaserror", $"/out:{library}", .. References().Select(r => $"/r:{r}"), .. files])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return said + (process.ExitCode == 0 ? "" : $"exit code {process.ExitCode}");
    }

    static string[] References() => ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
