using System.Diagnostics;
using System.Runtime.InteropServices;
using LampQ.Onnx;
using LampQ.Testing;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>The native library that eng/native.sh builds from the same sources, loaded by a C program and by this process.</summary>
[TestClass]
public sealed class NativeLibraryTests
{
    static string Folder => Path.Combine(Repository.Root, "src", "LampQ.Native", "bin", "native");

    static string Library => Path.Combine(Folder, "liblampq_ops.so");

    [TestInitialize]
    public void Require()
    {
        if (!File.Exists(Library))
            Assert.Inconclusive("Needs the native library; eng/native.sh builds it where a C compiler and the ahead-of-time compiler can be had.");
        var built = File.GetLastWriteTimeUtc(Library);
        var newer = new[] { "src/LampQ.Native", "src/LampQ.Runtime/Kernels", "src/LampQ.Runtime/Interop", "src/LampQ.Runtime/Operators", "src/LampQ.Onnx/Packing" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.c*")).FirstOrDefault(file => File.GetLastWriteTimeUtc(file) > built);
        if (newer is not null)
            Assert.Inconclusive($"The native library is older than {Path.GetFileName(newer)}. Run eng/native.sh.");
    }

    [TestMethod]
    [DataRow(false), DataRow(true)]
    public void CProgram_PackedModel_ReturnsTheBytesOfTheManagedOperators(bool tables)
    {
        byte[] model = PackedBlock.Build(tables: tables).ToBytes();
        float[] x = PackedBlock.Images(3, seed: 1);
        using var options = OneNode.Options();
        using var session = new InferenceSession(model, options);

        byte[] bytes = RunModel(model, x, out string error, 3, 3, 8, 8);

        Assert.AreEqual("", error);
        CollectionAssert.AreEqual(PackedSoak.Run(session, x), MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    [TestMethod]
    public void CProgram_TamperedModel_GetsAnErrorNamingNodeAndReason()
    {
        var model = PackedBlock.Build();
        model.Graph.Nodes.First(n => n.OpType == "Linear").Set("bits", 7);
        RunModel(model.ToBytes(), PackedBlock.Images(1, seed: 1), out string error, 1, 3, 8, 8);
        StringAssert.Contains(error, "Node 'Linear' (Linear): weight has ");

        model = PackedBlock.Build(tables: true);
        model.Graph.Nodes.First(n => n.OpType == "LinearLevels").Set("levels", new[] { 0L, 1 });
        RunModel(model.ToBytes(), PackedBlock.Images(1, seed: 1), out error, 1, 3, 8, 8);
        StringAssert.Contains(error, "(LinearLevels): levels has 2 elements; 6 thresholds need 7.");
    }

    [TestMethod]
    public void ThisProcess_WithBothLibraries_ReturnsTheSameBits()
    {
        byte[] model = PackedBlock.Build().ToBytes();
        float[] x = PackedBlock.Images(2, seed: 2);
        using var managedOptions = OneNode.Options(2);
        using var managed = new InferenceSession(model, managedOptions);
        using var nativeOptions = new SessionOptions { IntraOpNumThreads = 2 };
        nativeOptions.RegisterCustomOpLibrary(Library);
        using var native = new InferenceSession(model, nativeOptions);
        CollectionAssert.AreEqual(PackedSoak.Run(managed, x), PackedSoak.Run(native, x));
    }

    static byte[] RunModel(byte[] model, float[] x, out string error, params int[] shape)
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            string modelFile = Path.Combine(folder, "model.onnx"), inputFile = Path.Combine(folder, "x");
            File.WriteAllBytes(modelFile, model);
            File.WriteAllBytes(inputFile, MemoryMarshal.AsBytes<float>(x).ToArray());
            var start = new ProcessStartInfo(Path.Combine(Folder, "run_model")) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string argument in new[] { LoadedOnnxRuntime(), Library, modelFile, inputFile }.Concat(shape.Select(d => $"{d}")))
                start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            using var output = new MemoryStream();
            process.StandardOutput.BaseStream.CopyTo(output);
            process.WaitForExit();
            error = errors.Result.Trim();
            Assert.AreEqual(error.Length == 0 ? 0 : 1, process.ExitCode, error);
            return output.ToArray();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The file of the ONNX Runtime that this process uses, wherever the package mode put it.</summary>
    static string LoadedOnnxRuntime()
    {
        _ = OrtEnv.Instance();
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(m => m.FileName).First(f => Path.GetFileName(f).StartsWith("libonnxruntime.", StringComparison.Ordinal));
    }
}
