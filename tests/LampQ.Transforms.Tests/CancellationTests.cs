using LampQ.Quantization;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

/// <summary>A cancelled Fit leaves nothing: no file in the folder for temporary files, which is a fresh one here, none beside the model, and no open scratch file.</summary>
[TestClass]
[DoNotParallelize]
public class CancellationTests
{
    [TestMethod]
    public void Fit_CancelledAtAnyOfItsMessages_ThrowsAndLeavesNoFile()
    {
        using var work = new Workplace();
        using var temporary = new TemporaryFolder();
        string[] before = Directory.GetFiles(work.Folder);
        int messages = 0;
        for (int stop = 1; ; stop++)
        {
            using var source = new CancellationTokenSource();
            int heard = 0;
            var options = Thorough(work) with { CancellationToken = source.Token, Progress = new Heard(() => { if (++heard == stop) source.Cancel(); }) };
            try
            {
                new LampQEstimator(work.ML, options).Fit(work.Data(16)).Dispose();
                break;
            }
            catch (OperationCanceledException)
            {
                messages = stop;
            }
            CollectionAssert.AreEqual(before, Directory.GetFiles(work.Folder), $"cancelled at message {stop}");
            CollectionAssert.AreEqual(Array.Empty<string>(), temporary.Files(), $"cancelled at message {stop}");
        }
        Console.WriteLine($"cancelled at each of {messages} messages");
        Assert.IsTrue(messages > 8, $"{messages} messages");
    }

    [TestMethod]
    public void Fit_CancelledWhileItHasAScratchFile_ClosesIt()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
            Assert.Inconclusive("Open files without a name are looked up in /proc; on Windows they keep their name.");
        // 65 tokens of 64 channels are 17 kB a row: 1,100 rows of a residual stream take more than the 16 MiB that stay in memory.
        using var work = new Workplace(new TinyVit { DynamicBatch = true, ImageSize = 32, Dim = 64, Heads = 4 });
        using var temporary = new TemporaryFolder();
        using var source = new CancellationTokenSource();
        var options = Thorough(work) with { CalibrationRows = 1_100, CancellationToken = source.Token };
        options = options with { Quantization = options.Quantization with { Reconstruction = Reconstruction.None } };
        float[] pixels = new float[3 * 32 * 32];
        var random = new Random(1);
        var rows = Enumerable.Range(0, 1_100).Select(_ =>
        {
            for (int i = 0; i < pixels.Length; i++)
                pixels[i] = random.NextSingle() * 2 - 1;
            return new Large { Pixels = pixels };
        });
        using var ended = new ManualResetEventSlim();
        var watcher = Task.Run(() =>
        {
            while (temporary.Files().Length == 0)
                if (ended.Wait(2))
                    return false;
            source.Cancel();
            return true;
        });

        try
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => new LampQEstimator(work.ML, options).Fit(work.ML.Data.LoadFromEnumerable(rows)));
        }
        finally
        {
            ended.Set();
            Assert.IsTrue(watcher.Result, "There was no scratch file.");
        }

        CollectionAssert.AreEqual(Array.Empty<string>(), temporary.Files());
    }

    /// <summary>Mixed widths, compensation and training: every stage that the quantizer has.</summary>
    static LampQOptions Thorough(Workplace work)
    {
        var options = work.Options();
        return options with
        {
            CalibrationRows = 16,
            Quantization = options.Quantization with
            {
                Method = AllocationMethod.LampQ,
                TargetBits = 5,
                SensitivityImages = 2,
                RefinementSteps = 1,
                Compensation = ErrorCompensation.Gptq,
                Reconstruction = Reconstruction.EndToEnd,
                Training = options.Quantization.Training with { Steps = 2 },
            },
        };
    }

    sealed class Heard(Action hear) : IProgress<string>
    {
        public void Report(string value) => hear();
    }

    sealed class Large
    {
        [VectorType(3, 32, 32)]
        public float[] Pixels { get; set; } = [];
    }

    /// <summary>A fresh folder that this process takes for its temporary files meanwhile.</summary>
    sealed class TemporaryFolder : IDisposable
    {
        static readonly string[] variables = ["TMPDIR", "TMP", "TEMP"];
        readonly string?[] before = [.. variables.Select(Environment.GetEnvironmentVariable)];
        readonly string path = Directory.CreateTempSubdirectory("lampq-temporary-").FullName;

        public TemporaryFolder()
        {
            foreach (string variable in variables)
                Environment.SetEnvironmentVariable(variable, path);
            Assert.AreEqual(path, Path.TrimEndingDirectorySeparator(Path.GetTempPath()));
        }

        /// <summary>Files in it, and on Linux those too that are open and have no name any more.</summary>
        public string[] Files() =>
        [
            .. Directory.GetFileSystemEntries(path),
            .. OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Select(LinkTarget).OfType<string>().Where(t => t.StartsWith(path, StringComparison.Ordinal)) : [],
        ];

        // A file may be closed between the listing and the look.
        static string? LinkTarget(string link)
        {
            try
            {
                return File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName;
            }
            catch (IOException)
            {
                return null;
            }
        }

        public void Dispose()
        {
            foreach (var (variable, value) in variables.Zip(before))
                Environment.SetEnvironmentVariable(variable, value);
            Directory.Delete(path, recursive: true);
        }
    }
}
