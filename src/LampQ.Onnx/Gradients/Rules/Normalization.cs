namespace LampQ.Onnx;

/// <summary>The step common to all rules of x̂ = (x − mean)/√(variance + ε), mean and variance taken over some axes of x itself.</summary>
static class Normalization
{
    /// <summary>Emits x̂ and 1/√(variance + ε) again; a forward node does not return them.</summary>
    public static (Value Normalized, Value InverseDeviation) Forward(GraphEmitter emit, Value x, long[] axes, double epsilon)
    {
        var centered = emit.Sub(x, emit.ReduceMean(x, axes));
        var variance = emit.ReduceMean(emit.Square(centered), axes);
        var inverse = emit.Map("Reciprocal", emit.Map("Sqrt", emit.Add(variance, epsilon)));
        return (emit.Mul(centered, inverse), inverse);
    }

    /// <summary>∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(variance + ε), with ĝ = ∂x̂ and means over the normalised axes.</summary>
    public static Value Backward(GraphEmitter emit, Value gradient, Value normalized, Value inverseDeviation, long[] axes)
    {
        var along = emit.Mul(normalized, emit.ReduceMean(emit.Mul(gradient, normalized), axes));
        return emit.Mul(emit.Sub(emit.Sub(gradient, emit.ReduceMean(gradient, axes)), along), inverseDeviation);
    }
}
