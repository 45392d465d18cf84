namespace LampQ.Runtime;

/// <summary>The operations with their float part on one kind of vectors. Every kind returns the same bits.</summary>
abstract unsafe partial class FloatKernels
{
    /// <summary>The plain loops.</summary>
    public static FloatKernels Definition { get; } = new DefinitionKernels();

    /// <summary>What this CPU does best.</summary>
    public static FloatKernels Fastest() => Definition;

    public abstract void LayerNorm(LayerNormOperation operation, in LayerNormRows rows, Workers workers);

    public abstract void Linear(LinearOperation operation, in LinearRows rows, Workers workers);

    public abstract void Attention(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers);

    public abstract void Patches(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers);

    sealed class DefinitionKernels : FloatKernels
    {
        public override void LayerNorm(LayerNormOperation operation, in LayerNormRows rows, Workers workers) => LayerNormDefinition.Run(operation, rows);

        public override void Linear(LinearOperation operation, in LinearRows rows, Workers workers) => LinearDefinition.Run(operation, rows);

        public override void Attention(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers) =>
            AttentionDefinition.Run(operation, inputs, codes, floats);

        public override void Patches(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers) => PatchesDefinition.Run(operation, x, shape, y);
    }
}
