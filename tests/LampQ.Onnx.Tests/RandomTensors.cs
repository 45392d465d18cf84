namespace LampQ.Onnx.Tests;

/// <summary>Inputs for comparisons, the same in every run.</summary>
static class RandomTensors
{
    /// <summary>Floats −1 to 1.</summary>
    public static Tensor Floats(int seed, params ReadOnlySpan<long> shape)
    {
        var random = new Random(seed);
        var values = new float[Tensor.SizeInBytes(ElementType.UInt8, shape)];
        foreach (ref float value in values.AsSpan())
            value = random.NextSingle() * 2 - 1;
        return Tensor.Of(values, shape.Length == 0 ? [1] : shape).Reshape(shape);
    }
}
