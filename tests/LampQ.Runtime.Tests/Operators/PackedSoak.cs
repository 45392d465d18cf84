using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>One session of a packed model, eight callers, and a garbage collector that never rests.</summary>
static class PackedSoak
{
    const int Callers = 8;

    /// <summary>Runs for a while.</summary>
    /// <returns>Runs, and how many of them returned other bits than a quiet session of one thread.</returns>
    public static (long Runs, long Wrong) For(TimeSpan time)
    {
        byte[] model = PackedBlock.Build().ToBytes();
        float[][] images = [.. Enumerable.Range(0, Callers).Select(caller => PackedBlock.Images(1 + caller % 3, caller))];
        using var quietOptions = OneNode.Options();
        using var quiet = new InferenceSession(model, quietOptions);
        float[][] expected = [.. images.Select(x => Run(quiet, x))];

        using var options = OneNode.Options(2);
        using var session = new InferenceSession(model, options);
        long runs = 0, wrong = 0;
        using var stop = new CancellationTokenSource(time);
        var callers = Enumerable.Range(0, Callers).Select(caller => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (!Run(session, images[caller]).AsSpan().SequenceEqual(expected[caller]))
                    Interlocked.Increment(ref wrong);
                Interlocked.Increment(ref runs);
            }
        })).ToArray();
        foreach (var caller in callers)
            caller.Start();
        while (!stop.IsCancellationRequested)
        {
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            Thread.Sleep(1);
        }
        foreach (var caller in callers)
            caller.Join();
        return (runs, wrong);
    }

    /// <summary>Runs "x" [b, 3, 8, 8] to "y".</summary>
    public static float[] Run(InferenceSession session, float[] x)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(x, [x.Length / 192, 3, 8, 8]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["x"], [input], ["y"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
