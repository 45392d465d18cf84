using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Which of two neighbouring integers each weight of a layer takes, trained as AdaRound does (Nagel et al., ICML 2020, section 3): ŵ = s·(⌊w/s⌋ + h(V)), h(V) = clip(σ(V)·(ζ − γ) + γ, 0, 1), ζ = 1.1, γ = −0.1,
/// with λ·Σ(1 − |2h − 1|^β) added to the objective, so that h comes to rest at 0 or 1.
/// </summary>
/// <remarks>
/// The integers to start from are compensated ones, which need not be neighbours of the float weight w: they lie where they make up for the rounding of others. So each weight chooses between its integer and the one next to it on the
/// side on which w lies (the other side where that one is outside the width). V starts between them, so that rounding it gives the start again.
/// </remarks>
sealed class RoundingParameter : ITrainable
{
    const float Zeta = 1.1f, Gamma = -0.1f;

    /// <summary>How far V starts from the integer at most: rounding must give the integer.</summary>
    const float Farthest = 0.45f;

    readonly long[] shape;
    readonly Func<float[]> fractions;
    readonly float startShare;
    readonly sbyte[] below;
    readonly bool[] isAbove;
    float[]? logits;
    Adam? adam;

    /// <summary>Starts at integers.</summary>
    /// <param name="input">Name of the graph input.</param>
    /// <param name="shape">Shape of the graph input.</param>
    /// <param name="steps">Integers without zero points, in the order of the graph input.</param>
    /// <param name="below">The lower of both integers that each may become.</param>
    /// <param name="fractions">Gives where the float weights lie between both, 0 to 1; asked when training begins.</param>
    /// <param name="startShare">Which part of the way from its integer towards the float weight V starts at: 1 is AdaRound's start, 0 the start without any float weight.</param>
    public RoundingParameter(string input, long[] shape, float[] steps, float[] below, Func<float[]> fractions, float startShare)
    {
        (Input, this.shape, this.fractions, this.startShare) = (input, shape, fractions, startShare);
        this.below = Array.ConvertAll(below, b => (sbyte)b);
        isAbove = [.. steps.Zip(below, (q, b) => q > b)];
    }

    /// <inheritdoc/>
    public string Input { get; }

    /// <summary>Number of weights.</summary>
    public int Count => below.Length;

    /// <summary>The lower one of the two integers (without zero points) that each weight may become, and where the float weight lies between them, 0 to 1; both [N, K].</summary>
    /// <param name="start">The integers to start from.</param>
    /// <param name="weights">Float weights [N, K].</param>
    public static (float[] Below, float[] Fractions) Neighbours(QuantizedWeights start, float[] weights)
    {
        float[] below = start.Steps(), fractions = new float[below.Length];
        for (int i = 0; i < below.Length; i++)
        {
            int row = i / start.Columns;
            var grid = new WeightGrid(start.Bits, start.Scales[row], start.ZeroPoints?[row] ?? 0);
            float real = weights[i] / grid.Scale;
            bool isUpper = (real <= below[i] || below[i] >= grid.High) && below[i] > grid.Low;
            if (isUpper)
                below[i]--;
            fractions[i] = Math.Clamp(real - below[i], 0, 1);
        }
        return (below, fractions);
    }

    /// <summary>Prepares for training.</summary>
    public void Begin()
    {
        logits = [.. fractions()];
        for (int i = 0; i < logits.Length; i++)
        {
            float at = isAbove[i] ? 1 : 0;
            float h = at + Math.Clamp(startShare * (logits[i] - at), -Farthest, Farthest);
            float sigmoid = (h - Gamma) / (Zeta - Gamma);
            logits[i] = MathF.Log(sigmoid / (1 - sigmoid));
        }
        adam = new Adam(Count);
    }

    /// <summary>One step of Adam for V.</summary>
    /// <param name="gradient">∂objective/∂(⌊w/s⌋ + h).</param>
    /// <param name="rate">Length of a step of V.</param>
    /// <param name="pull">λ.</param>
    /// <param name="beta">β.</param>
    public void Step(ReadOnlySpan<float> gradient, double rate, double pull, double beta)
    {
        var ofLogits = new float[Count];
        for (int i = 0; i < Count; i++)
        {
            float sigmoid = 1 / (1 + MathF.Exp(-logits![i])), h = (Zeta - Gamma) * sigmoid + Gamma;
            // Clipped values have no gradient in the paper; here they may come back where the objective asks for it.
            float g = gradient[i];
            if (h is <= 0 && g > 0 || h is >= 1 && g < 0)
                g = 0;
            if (pull > 0 && h is > 0 and < 1)
            {
                float side = 2 * h - 1;
                g -= (float)(pull * beta * 2 * Math.Sign(side) * MathF.Pow(Math.Abs(side), (float)beta - 1));
            }
            ofLogits[i] = g * (Zeta - Gamma) * sigmoid * (1 - sigmoid);
        }
        adam!.Step(logits, ofLogits, rate);
    }

    /// <summary>⌊w/s⌋ + h(V), as the graph takes it.</summary>
    public Tensor Soft()
    {
        var values = new float[Count];
        for (int i = 0; i < Count; i++)
            values[i] = below[i] + H(i);
        return Tensor.Of(values, shape);
    }

    /// <summary>The integers without zero points, in the order of the graph input.</summary>
    public float[] Steps()
    {
        var values = new float[Count];
        for (int i = 0; i < Count; i++)
            values[i] = below[i] + (IsAbove(i) ? 1 : 0);
        return values;
    }

    /// <summary>The integers without zero points, as the graph takes them.</summary>
    public Tensor Hard() => Tensor.Of(Steps(), shape);

    /// <inheritdoc/>
    public void Write(BinaryWriter writer) => writer.Write([.. Enumerable.Range(0, Count).Select(i => IsAbove(i) ? (byte)1 : (byte)0)]);

    /// <inheritdoc/>
    public void Read(BinaryReader reader)
    {
        (logits, adam) = (null, null);
        var bytes = new byte[Count];
        reader.BaseStream.ReadExactly(bytes);
        for (int i = 0; i < Count; i++)
            isAbove[i] = bytes[i] == 1;
    }

    bool IsAbove(int i) => logits is null ? isAbove[i] : logits[i] >= 0;

    float H(int i) => logits is null ? isAbove[i] ? 1 : 0 : Math.Clamp((Zeta - Gamma) / (1 + MathF.Exp(-logits[i])) + Gamma, 0, 1);
}
