namespace LampQ.Runtime;

/// <summary>The operations with their float part on one kind of vectors. Every kind returns the same bits.</summary>
abstract unsafe class FloatKernels
{
    /// <summary>The plain loops.</summary>
    public static FloatKernels Definition { get; } = new DefinitionKernels();

    /// <summary>Four vectors of 4 lanes, on any CPU.</summary>
    public static FloatKernels Portable { get; } = new LanesKernels<Twice<Twice<Floats128>>>("portable");

    /// <summary>Two vectors of 8 lanes.</summary>
    public static FloatKernels Avx2 { get; } = new LanesKernels<Twice<Floats256>>("avx2");

    /// <summary>One vector of 16 lanes.</summary>
    public static FloatKernels Avx512 { get; } = new LanesKernels<Floats512>("avx512");

    /// <summary>Every kind, the slowest first; a CPU runs some of them.</summary>
    public static IReadOnlyList<FloatKernels> All => [Definition, Portable, Avx2, Avx512];

    /// <summary>What this CPU does best.</summary>
    public static FloatKernels Fastest() => All.Last(kernels => kernels.IsSupported);

    /// <summary>Of what vectors it is.</summary>
    public abstract string Name { get; }

    /// <summary>Whether this CPU and process can run it.</summary>
    public abstract bool IsSupported { get; }

    public abstract void LayerNorm(LayerNormOperation operation, in LayerNormRows rows, Workers workers);

    public abstract void Linear(LinearOperation operation, in LinearRows rows, Workers workers);

    public abstract void Attention(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers);

    public abstract void Patches(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers);

    public sealed override string ToString() => Name;

    sealed class DefinitionKernels : FloatKernels
    {
        public override string Name => "definition";

        public override bool IsSupported => true;

        public override void LayerNorm(LayerNormOperation operation, in LayerNormRows rows, Workers workers) => LayerNormDefinition.Run(operation, rows);

        public override void Linear(LinearOperation operation, in LinearRows rows, Workers workers) => LinearDefinition.Run(operation, rows);

        public override void Attention(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers) =>
            AttentionDefinition.Run(operation, inputs, codes, floats);

        public override void Patches(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers) => PatchesDefinition.Run(operation, x, shape, y);
    }

    sealed class LanesKernels<V>(string name) : FloatKernels where V : struct, IFloats<V>
    {
        public override string Name => name;

        public override bool IsSupported => V.IsSupported;

        public override void LayerNorm(LayerNormOperation operation, in LayerNormRows rows, Workers workers) => LayerNormLanes<V>.Run(operation, rows, workers);

        public override void Linear(LinearOperation operation, in LinearRows rows, Workers workers)
        {
            var product = operation.Product(rows);
            if (operation.Codes is null)
                LinearTraversal.Run(operation.Dot, product, workers, new ResidualEpilogue<V>(operation, rows.Residual, rows.Floats));
            else if (operation.Table is not null)
                LinearTraversal.Run(operation.Dot, product, workers, new LevelsEpilogue<V>(operation, rows.Codes));
            else if (operation.Activation is null)
                LinearTraversal.Run(operation.Dot, product, workers, new RequantizeEpilogue<V>(operation, rows.Codes));
            else
                LinearTraversal.Run(operation.Dot, product, workers, new ActivationEpilogue<V>(operation, rows.Codes));
        }

        public override void Attention(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers) =>
            AttentionLanes<V>.Run(operation, inputs, codes, floats, workers);

        public override void Patches(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers) =>
            PatchesLanes<V>.Run(operation, x, shape, y, workers);
    }
}
