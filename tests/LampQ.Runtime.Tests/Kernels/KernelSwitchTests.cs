using System.Diagnostics;
using System.Text.RegularExpressions;

namespace LampQ.Runtime.Tests;

/// <summary>Runs the kernel suite again in processes whose runtime may not use all of this CPU.</summary>
[TestClass]
public sealed class KernelSwitchTests
{
    /// <summary>Category of the tests that run again.</summary>
    public const string Suite = "Kernels";

    [TestMethod]
    [DataRow("DOTNET_EnableAVX512")]
    [DataRow("DOTNET_EnableAVXVNNI")]
    [DataRow("DOTNET_EnableAVX512", "DOTNET_EnableAVXVNNI")]
    [DataRow("DOTNET_EnableAVX2")]
    public void KernelSuite_WithInstructionSetsSwitchedOff_Passes(params string[] switches)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            ArgumentList = { "test", typeof(KernelSwitchTests).Assembly.Location, "--filter", $"TestCategory={Suite}" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in switches)
            start.Environment[name] = "0";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        string report = $"{string.Join(", ", switches)} = 0:\n{output}\n{errors.Result}";
        Assert.AreEqual(0, process.ExitCode, report);
        var passed = Regex.Match(output, @"Passed:\s+(\d+)");
        Assert.IsTrue(passed.Success && int.Parse(passed.Groups[1].Value) > 20, report);
    }
}
