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
    /// <param name="longestSeconds">After this time no new round is begun; three rounds are run in any case. Twice as long may go by before, until .NET has compiled both well.</param>
    /// <param name="cancellation">Cancels between two runs.</param>
    public static LatencyComparison Measure(ModelSession first, ModelSession second, Tensor input, double longestSeconds = 2, CancellationToken cancellation = default)
    {
        var times = InterleavedTiming.Measure([() => Run(first, input), () => Run(second, input)], new TimingOptions { LongestWarmUpSeconds = 2 * longestSeconds, LongestSeconds = longestSeconds }, cancellation);
        double batch = input.Shape[0];
        return new LatencyComparison(times[0].MedianMs / batch, times[1].MedianMs / batch, times[0].Runs, (int)batch);
    }

    static void Run(ModelSession session, Tensor input) =>
        session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = input }, [session.OutputNames[0]], (_, _, _) => { });
}
