namespace LampQ.Quantization;

/// <summary>
/// Adam (Kingma and Ba, ICLR 2015, algorithm 1) for one group of parameters: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − rate·m̂/(√v̂ + ε), where
/// m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) after t steps. The step does not depend on the size of the gradients, so a rate is a length in the parameter's own unit.
/// </summary>
/// <param name="count">Number of parameters.</param>
public sealed class Adam(int count)
{
    const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-12;

    readonly float[] first = new float[count], second = new float[count];
    int steps;

    /// <summary>Writes the moments, and how many steps there were.</summary>
    internal void Write(BinaryWriter writer)
    {
        writer.Write(steps);
        writer.WriteFloats(first);
        writer.WriteFloats(second);
    }

    /// <summary>Goes on from where <see cref="Write"/> stood.</summary>
    internal void Read(BinaryReader reader)
    {
        steps = reader.ReadInt32();
        reader.ReadFloats(first);
        reader.ReadFloats(second);
    }

    /// <summary>Moves the parameters by one step.</summary>
    /// <param name="parameters">θ; changed in place.</param>
    /// <param name="gradient">∂loss/∂θ.</param>
    /// <param name="rate">The length of a step while gradients agree; not negative.</param>
    /// <exception cref="ArgumentException">Parameters or gradient are not as many as the group has.</exception>
    public void Step(Span<float> parameters, ReadOnlySpan<float> gradient, double rate)
    {
        if (parameters.Length != count || gradient.Length != count)
            throw new ArgumentException($"{parameters.Length} parameters and {gradient.Length} gradients were given; the group has {count}.", nameof(parameters));
        steps++;
        float b1 = (float)Beta1, b2 = (float)Beta2, epsilon = (float)Epsilon;
        // rate·m̂/√v̂ with the corrections taken together, so that the loop divides once.
        float scaled = (float)(rate / (1 - Math.Pow(Beta1, steps))), root = (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, steps)));
        for (int i = 0; i < count; i++)
        {
            float g = gradient[i];
            float m = first[i] = b1 * first[i] + (1 - b1) * g;
            float v = second[i] = b2 * second[i] + (1 - b2) * g * g;
            parameters[i] -= scaled * m / (MathF.Sqrt(v) * root + epsilon);
        }
    }
}
