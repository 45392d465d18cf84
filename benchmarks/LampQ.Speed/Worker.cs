using System.Diagnostics;
using System.Globalization;

namespace LampQ.Speed;

/// <summary>
/// A process with an ONNX Runtime of its own, because two versions do not fit into one process. It takes lines <c>open ID ENGINE THREADS BATCH SPIN CLOCK PATH</c>, <c>time ID WARM-UP RUNS</c> and
/// <c>close</c> (every engine), and answers each with one line.
/// </summary>
sealed class Worker : IDisposable
{
    readonly Process process;
    int opened;

    /// <summary>Starts a worker.</summary>
    /// <param name="name">What the ONNX Runtime is called in tables.</param>
    /// <param name="folder">A folder with this program and that ONNX Runtime.</param>
    public Worker(string name, string folder)
    {
        Name = name;
        process = Process.Start(new ProcessStartInfo(Path.Combine(folder, "LampQ.Speed"), "worker") { RedirectStandardInput = true, RedirectStandardOutput = true })!;
    }

    public string Name { get; }

    /// <summary>Loads an engine, and returns what times a visit to it: runs to warm up, then timed ones.</summary>
    public Func<IEnumerable<double>> Open(string engine, string path, int threads, int batch, bool spin, bool onProcessor, int warmUp, int runs)
    {
        int id = opened++;
        Ask($"open {id} {engine} {threads} {batch} {spin} {onProcessor} {path}");
        return () => Ask($"time {id} {warmUp} {runs}").Split(' ').Select(ms => double.Parse(ms, CultureInfo.InvariantCulture));
    }

    /// <summary>Unloads every engine.</summary>
    public void Close() => Ask("close");

    string Ask(string line)
    {
        process.StandardInput.WriteLine(line);
        string answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The worker '{Name}' ended at: {line}");
        return answer.StartsWith("error ", StringComparison.Ordinal) ? throw new InvalidOperationException($"The worker '{Name}' at: {line}: {answer}") : answer;
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>The worker's own side.</summary>
    public static int Serve(TextReader input, TextWriter output)
    {
        var engines = new Dictionary<string, Engine>();
        while (input.ReadLine() is { } line)
        {
            string answer;
            try
            {
                answer = Answer(line.Split(' ', 8), engines);
            }
            catch (Exception e)
            {
                answer = $"error {e.Message.ReplaceLineEndings(" ")}";
            }
            output.WriteLine(answer);
            output.Flush();
        }
        return 0;
    }

    static string Answer(string[] words, Dictionary<string, Engine> engines)
    {
        switch (words[0])
        {
            case "open":
                var engine = engines[words[1]] = Engine.Open(words[2], words[7], int.Parse(words[3], CultureInfo.InvariantCulture), int.Parse(words[4], CultureInfo.InvariantCulture), bool.Parse(words[5]), bool.Parse(words[6]));
                engine.Time();
                engine.Time();
                return "ok";
            case "time":
                // Threads of the engine before it spin for a while after their last run, and this one's sleep: on two cores both are in the way of the first runs.
                Thread.Sleep(20);
                for (int run = 0; run < int.Parse(words[2], CultureInfo.InvariantCulture); run++)
                    engines[words[1]].Time();
                return string.Join(' ', Enumerable.Range(0, int.Parse(words[3], CultureInfo.InvariantCulture)).Select(_ => engines[words[1]].Time().ToString("R", CultureInfo.InvariantCulture)));
            case "close":
                foreach (var open in engines.Values)
                    open.Dispose();
                engines.Clear();
                return "ok";
            default:
                return $"error unknown '{words[0]}'";
        }
    }
}
