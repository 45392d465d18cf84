namespace LampQ.Runtime;

/// <summary>What <c>LayerNorm</c> and <c>LayerNormQuantize</c> are told (docs/formats.md).</summary>
sealed record LayerNormDescription
{
    /// <summary>γ, one for each of the D features.</summary>
    public required float[] Gamma { get; init; }

    /// <summary>β; null for zeros.</summary>
    public float[]? Beta { get; init; }

    /// <summary>Added to the variance.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Scale of the codes; null for floats.</summary>
    public float? Scale { get; init; }

    /// <summary>Integers of the codes.</summary>
    public CodeRange Codes { get; init; } = new(0);
}

/// <summary>Normalizes rows and quantizes them: z = (x − mean)/√(variance + ε)·γ + β.</summary>
sealed unsafe class LayerNormOperation
{
    readonly FloatKernels kernels;

    /// <exception cref="InvalidDataException">The description contradicts itself or holds values that are not finite.</exception>
    public LayerNormOperation(LayerNormDescription description, FloatKernels? kernels = null)
    {
        this.kernels = kernels ?? FloatKernels.Fastest();
        float[] gamma = description.Gamma, beta = description.Beta ?? new float[gamma.Length];
        Requires.Positive(gamma.Length, "The number of features");
        Requires.Length(beta, gamma.Length, "beta");
        Requires.Finite(gamma, "gamma");
        Requires.Finite(beta, "beta");
        if (!(description.Epsilon >= 0) || !float.IsFinite(description.Epsilon))
            throw new InvalidDataException($"epsilon is {description.Epsilon}; a finite number, at least 0, is expected.");
        (Features, Epsilon, Codes) = (gamma.Length, description.Epsilon, description.Scale is null ? null : description.Codes);
        if (description.Scale is { } scale)
        {
            Requires.Scale(scale, "scale");
            gamma = [.. gamma.Select(g => (float)((double)g / scale))];
            beta = [.. beta.Select(b => (float)((double)b / scale))];
            Requires.Finite(gamma, "gamma/scale");
            Requires.Finite(beta, "beta/scale");
        }
        (Gamma, Beta) = (new(gamma), new(beta));
    }

    /// <summary>D.</summary>
    public int Features { get; }

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; }

    /// <summary>Null where the output is float.</summary>
    public CodeRange? Codes { get; }

    /// <summary>γ, divided by the scale of the codes.</summary>
    public AlignedArray<float> Gamma { get; }

    /// <summary>β, divided by the scale of the codes.</summary>
    public AlignedArray<float> Beta { get; }

    /// <summary>Codes of every row.</summary>
    /// <param name="x">[rows, D].</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="y">[rows, D].</param>
    /// <param name="workers">Who works.</param>
    /// <exception cref="InvalidOperationException">The operation returns floats.</exception>
    public void Run(float* x, long rows, byte* y, Workers workers)
    {
        if (Codes is null)
            throw new InvalidOperationException("LayerNorm without a scale returns floats, not codes.");
        RunCore(new() { X = x, Rows = rows, Codes = y }, workers);
    }

    /// <summary>Floats of every row.</summary>
    /// <inheritdoc cref="Run(float*, long, byte*, Workers)"/>
    public void Run(float* x, long rows, float* y, Workers workers)
    {
        if (Codes is not null)
            throw new InvalidOperationException("LayerNormQuantize returns codes, not floats.");
        RunCore(new() { X = x, Rows = rows, Floats = y }, workers);
    }

    void RunCore(LayerNormRows rows, Workers workers)
    {
        kernels.LayerNorm(this, rows, workers);
        GC.KeepAlive(this);
    }
}

/// <summary>The rows of a call; one of the outputs is null.</summary>
unsafe struct LayerNormRows
{
    public float* X;
    public long Rows;
    public byte* Codes;
    public float* Floats;
}
