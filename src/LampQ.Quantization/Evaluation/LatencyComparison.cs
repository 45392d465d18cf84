using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>Time two models take for the same input on this CPU.</summary>
/// <param name="First">Median milliseconds a sample of the first model.</param>
/// <param name="Second">Median milliseconds a sample of the second model.</param>
/// <param name="Rounds">Runs of each model that were timed.</param>
/// <param name="Batch">Samples a run.</param>
public sealed record LatencyComparison(double First, double Second, int Rounds, int Batch)
{
    /// <summary>Runs both models in turn and takes the median of each.</summary>
    /// <param name="first">One model.</param>
    /// <param name="second">Another model with an input of the same shape.</param>
    /// <param name="input">Their input, [batch, ..].</param>
    /// <param name="longestSeconds">After this time no new round is begun; three rounds are run in any case.</param>
    /// <param name="cancellation">Cancels between two rounds.</param>
    /// <remarks>In turn, so that a CPU that slows down while it gets warm, or another process, touches both alike.</remarks>
    public static LatencyComparison Measure(ModelSession first, ModelSession second, Tensor input, double longestSeconds = 3, CancellationToken cancellation = default)
    {
        const int warmUp = 2, fewest = 3, most = 31;
        var times = new List<(double First, double Second)>();
        var watch = Stopwatch.StartNew();
        for (int round = 0; round < warmUp + fewest || (round < warmUp + most && watch.Elapsed.TotalSeconds < longestSeconds); round++)
        {
            cancellation.ThrowIfCancellationRequested();
            var pair = (Time(first, input), Time(second, input));
            if (round >= warmUp)
                times.Add(pair);
        }
        double batch = input.Shape[0];
        return new LatencyComparison(Median(times.Select(t => t.First)) / batch, Median(times.Select(t => t.Second)) / batch, times.Count, (int)batch);
    }

    static double Time(ModelSession session, Tensor input)
    {
        long start = Stopwatch.GetTimestamp();
        session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = input }, [session.OutputNames[0]], (_, _, _) => { });
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
