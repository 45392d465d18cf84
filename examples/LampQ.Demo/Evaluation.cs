using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Demo;

/// <summary>Measures an ONNX model on pictures that neither training nor calibration has seen, with ONNX Runtime on one thread.</summary>
sealed class Evaluation
{
    const int BatchSize = 100;
    const int LatencyRuns = 201; // odd: the median is one of them

    readonly float[] _pixels;
    readonly int[] _labels;

    public Evaluation(int pictures) => (_pixels, _labels) = ShapeImages.DrawBatch(ShapeImages.EvaluationSeed, 0, pictures);

    public ComparisonRow Measure(string name, byte[] model)
    {
        // One thread: so small a model gains nothing from more, and the number can be compared across machines.
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(model, options);
        return new(name, AccuracyOf(session), model.LongLength, MedianMilliseconds(session));
    }

    double AccuracyOf(InferenceSession session)
    {
        var right = 0;
        for (var first = 0; first < _labels.Length; first += BatchSize)
        {
            var count = Math.Min(BatchSize, _labels.Length - first);
            var logits = Run(session, first, count);
            var classes = logits.Length / count;
            for (var i = 0; i < count; i++)
                right += IndexOfLargest(logits.AsSpan(i * classes, classes)) == _labels[first + i] ? 1 : 0;
        }
        return 100.0 * right / _labels.Length;
    }

    double MedianMilliseconds(InferenceSession session)
    {
        var times = new double[LatencyRuns];
        for (var run = 0; run < times.Length; run++)
        {
            var started = Stopwatch.GetTimestamp();
            Run(session, run % _labels.Length, 1);
            times[run] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }
        Array.Sort(times);
        return times[LatencyRuns / 2];
    }

    float[] Run(InferenceSession session, int first, int count)
    {
        var memory = _pixels.AsMemory(first * ShapeImages.Length, count * ShapeImages.Length);
        using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, memory, [count, 3, ShapeImages.Size, ShapeImages.Size]);
        using var runOptions = new RunOptions();
        using var outputs = session.Run(runOptions, [ShapesVit.InputName], [input], [ShapesVit.OutputName]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    static int IndexOfLargest(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best])
                best = i;
        return best;
    }
}
