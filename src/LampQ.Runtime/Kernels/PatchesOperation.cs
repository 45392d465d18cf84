namespace LampQ.Runtime;

/// <summary>What <c>PatchesQuantize</c> is told (docs/formats.md).</summary>
sealed record PatchesDescription
{
    /// <summary>Rows of pixels in a patch.</summary>
    public required int PatchHeight { get; init; }

    /// <summary>Columns of pixels in a patch.</summary>
    public required int PatchWidth { get; init; }

    /// <summary>Scale of the codes.</summary>
    public required float Scale { get; init; }

    /// <summary>Integers of the codes.</summary>
    public CodeRange Codes { get; init; } = new(0);
}

/// <summary>Cuts images into patches and quantizes them: what a patch embedding multiplies with its weights.</summary>
sealed unsafe class PatchesOperation
{
    readonly FloatKernels kernels;

    /// <exception cref="InvalidDataException">A size below 1 or a scale that is not a finite number above 0.</exception>
    public PatchesOperation(PatchesDescription description, FloatKernels? kernels = null)
    {
        this.kernels = kernels ?? FloatKernels.Fastest();
        Requires.Positive(description.PatchHeight, "patch_height");
        Requires.Positive(description.PatchWidth, "patch_width");
        Requires.Scale(description.Scale, "scale");
        (PatchHeight, PatchWidth, Codes, Inverse) = (description.PatchHeight, description.PatchWidth, description.Codes, (float)(1 / (double)description.Scale));
        if (!float.IsFinite(Inverse))
            throw new InvalidDataException($"scale is {description.Scale}, whose reciprocal a float does not hold.");
    }

    /// <summary>Rows of pixels in a patch.</summary>
    public int PatchHeight { get; }

    /// <summary>Columns of pixels in a patch.</summary>
    public int PatchWidth { get; }

    /// <summary>1/scale.</summary>
    public float Inverse { get; }

    /// <summary>Integers of the codes.</summary>
    public CodeRange Codes { get; }

    /// <summary>Codes of every patch; rows and columns behind the last whole patch are left out, as a Conv leaves them out.</summary>
    /// <param name="x">[batch, channels, height, width].</param>
    /// <param name="shape">The four of them.</param>
    /// <param name="y">[batch, (height/patch height)·(width/patch width), channels·patch height·patch width].</param>
    /// <param name="workers">Who works.</param>
    /// <exception cref="ArgumentException">The image is smaller than a patch, or a dimension is below 1 (the batch: below 0).</exception>
    public void Run(float* x, ImageShape shape, byte* y, Workers workers)
    {
        if (shape.Batch < 0 || shape.Channels < 1 || shape.Height < 1 || shape.Width < 1)
            throw new ArgumentException($"An image of {shape} has a dimension below 1.", nameof(shape));
        if (shape.Height < PatchHeight || shape.Width < PatchWidth)
            throw new ArgumentException($"An image of {shape} is smaller than a patch of {PatchHeight} x {PatchWidth}.", nameof(shape));
        kernels.Patches(this, x, shape, y, workers);
        GC.KeepAlive(this);
    }
}

/// <summary>Images [B, C, H, W].</summary>
readonly record struct ImageShape(long Batch, long Channels, long Height, long Width)
{
    public override string ToString() => $"[{Batch}, {Channels}, {Height}, {Width}]";
}
