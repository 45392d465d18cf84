using System.Diagnostics;
using System.Text.Json;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq doctor</c>.</summary>
[TestClass]
public sealed class DoctorTests
{
    [TestMethod]
    public void Json_ThisMachine_HasEveryDocumentedField()
    {
        var run = CliRun.Of("doctor", "--format", "json");

        run.AssertDone();
        var json = run.Json;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        foreach (string name in new[] { "version", "processor", "framework", "onnxRuntime" })
            Assert.AreNotEqual("", json.GetProperty(name).GetString(), name);
        StringAssert.Matches(json.GetProperty("onnxRuntime").GetString(), new System.Text.RegularExpressions.Regex(@"^1\.\d+\.\d+"));
        CollectionAssert.Contains(new[] { "nuget", "offline" }, json.GetProperty("packageMode").GetString());
        Assert.AreEqual(Environment.ProcessorCount, json.GetProperty("threads").GetInt32());
        Assert.IsTrue(json.GetProperty("instructionSets").EnumerateArray().All(s => s.GetProperty("usable").ValueKind is JsonValueKind.True or JsonValueKind.False));
        Assert.AreEqual(0, json.GetProperty("problems").GetArrayLength());
        foreach (string kind in new[] { "integerKernels", "floatKernels" })
        {
            var kernels = json.GetProperty(kind).EnumerateArray().ToArray();
            Assert.AreEqual("definition", kernels[0].GetProperty("name").GetString());
            foreach (var kernel in kernels)
                Assert.AreEqual(kernel.GetProperty("offered").GetBoolean(), kernel.GetProperty("refusal").ValueKind == JsonValueKind.Null);
            var bits = kernels.SelectMany(k => k.GetProperty("weightBits").EnumerateArray().Select(b => b.GetInt32())).Order().ToArray();
            CollectionAssert.AreEqual(new[] { 2, 3, 4, 5, 6, 7, 8 }, bits, "Every width has exactly one kernel.");
            Assert.IsTrue(kernels.All(k => k.GetProperty("offered").GetBoolean() || k.GetProperty("weightBits").GetArrayLength() == 0));
        }
    }

    [TestMethod]
    public void Json_InstructionSetsSwitchedOff_AreNotUsableAndTheKernelSaysWhy()
    {
        var json = Doctor(("DOTNET_EnableAVX512", "0"), ("DOTNET_EnableAVXVNNI", "0"), ("DOTNET_EnableAVX2", "0")).Json;
        Assert.IsTrue(json.GetProperty("instructionSets").EnumerateArray().Where(s => s.GetProperty("name").GetString()!.StartsWith("avx", StringComparison.Ordinal)).All(s => !s.GetProperty("usable").GetBoolean()));
        var vnni = json.GetProperty("integerKernels").EnumerateArray().Single(k => k.GetProperty("name").GetString() == "avx512-vnni");
        Assert.IsFalse(vnni.GetProperty("offered").GetBoolean());
        StringAssert.Contains(vnni.GetProperty("refusal").GetString(), "AVX-512");
    }

    [TestMethod]
    public void Json_ForcedKernel_RunsEveryWidth()
    {
        var json = Doctor(("LAMPQ_KERNEL", "portable")).Json;
        Assert.AreEqual("portable", json.GetProperty("forcedKernel").GetString());
        Assert.AreEqual(7, json.GetProperty("integerKernels").EnumerateArray().Single(k => k.GetProperty("name").GetString() == "portable").GetProperty("weightBits").GetArrayLength());
    }

    [TestMethod]
    public void Json_ForcedKernelThatDoesNotExist_IsAProblemAndExitCode2()
    {
        var run = Doctor(("LAMPQ_KERNEL", "abacus"));
        Assert.AreEqual(2, run.ExitCode);
        StringAssert.Contains(run.Error, "LAMPQ_KERNEL=abacus names no kernel");
        Assert.AreEqual(1, run.Json.GetProperty("problems").GetArrayLength());
    }

    [TestMethod]
    public void Text_ThisMachine_NamesEveryKernel()
    {
        var run = CliRun.Of("doctor");
        run.AssertDone();
        foreach (string word in new[] { "processor", "ONNX Runtime", "avx512-vnni", "portable", "definition" })
            StringAssert.Contains(run.Output, word);
    }

    /// <summary>A process of its own, because environment variables are read once.</summary>
    static CliRun Doctor(params (string Name, string Value)[] variables)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "lampq.dll");
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in new[] { program, "doctor", "--format", "json" })
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CliRun(process.ExitCode, output, error.Result);
    }
}
