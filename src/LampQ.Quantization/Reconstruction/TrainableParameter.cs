using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Numbers that a graph takes as an input and that are trained; each kind has a unit in which one step of Adam has one length.</summary>
/// <param name="input">Name of the graph input.</param>
/// <param name="kind">What it is.</param>
/// <param name="shape">Shape of the graph input.</param>
/// <param name="start">What it holds at first.</param>
/// <param name="units">For each number the length of one unit; scales have none, because their unit is themselves.</param>
sealed class TrainableParameter(string input, ParameterKind kind, long[] shape, float[] start, float[]? units) : ITrainable
{
    readonly Adam adam = new(start.Length);
    float[] values = [.. start];
    readonly float[] averages = [.. start];

    /// <inheritdoc/>
    public string Input => input;

    /// <summary>What it is.</summary>
    public ParameterKind Kind => kind;

    /// <summary>What it holds now.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>What it holds now, as the graph takes it.</summary>
    public Tensor Tensor => Tensor.Of(values, shape);

    /// <summary>What it held of late, as the graph takes it.</summary>
    public Tensor AverageTensor => Tensor.Of(averages, shape);

    /// <summary>a ← decay·a + (1 − decay)·p for the average a, which begins as the start.</summary>
    public void Average(double decay)
    {
        for (int i = 0; i < averages.Length; i++)
            averages[i] = (float)(decay * averages[i] + (1 - decay) * values[i]);
    }

    /// <summary>Holds from now on what it held of late.</summary>
    public void TakeAverage() => values = [.. averages];

    /// <summary>One step of Adam: p ← p·exp(−step) for a scale, p ← p − unit·step for anything else.</summary>
    /// <param name="gradient">∂objective/∂p.</param>
    /// <param name="rate">Length of a step.</param>
    public void Step(ReadOnlySpan<float> gradient, double rate)
    {
        var inUnits = new float[values.Length];
        for (int i = 0; i < inUnits.Length; i++)
            inUnits[i] = gradient[i] * (units is null ? values[i] : units[i]);
        var moved = new float[values.Length];
        adam.Step(moved, inUnits, rate);
        var next = new float[values.Length];
        for (int i = 0; i < next.Length; i++)
            next[i] = units is null ? values[i] * MathF.Exp(moved[i]) : values[i] + units[i] * moved[i];
        values = next;
    }

    /// <inheritdoc/>
    public void Write(BinaryWriter writer)
    {
        writer.WriteFloats(values);
        writer.WriteFloats(averages);
        adam.Write(writer);
    }

    /// <inheritdoc/>
    public void Read(BinaryReader reader)
    {
        var kept = new float[values.Length];
        reader.ReadFloats(kept);
        values = kept;
        reader.ReadFloats(averages);
        adam.Read(reader);
    }
}

/// <summary>What is trained.</summary>
enum ParameterKind
{
    /// <summary>Scales of the rows of a layer's weights; a step is relative.</summary>
    WeightScale,
    /// <summary>Bias of a layer; a step is in norms ‖ŵ_n‖ of its row, about the spread of the row's output behind a LayerNorm.</summary>
    Bias,
    /// <summary>Scale of an activation quantizer; a step is relative. The zero point stays, so that the range grows and shrinks around 0.</summary>
    ActivationScale,
    /// <summary>γ of a LayerNorm; a step is relative.</summary>
    NormScale,
    /// <summary>β of a LayerNorm; a step is in γ of its channel, the spread of the output.</summary>
    NormOffset,
}
