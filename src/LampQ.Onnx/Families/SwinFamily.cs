namespace LampQ.Onnx;

public abstract partial class ModelFamily
{
    /// <summary>Attention within windows and patch merging between stages: Swin and Swin v2.</summary>
    public static ModelFamily Swin { get; } = new SwinFamily();
}

sealed class SwinFamily : ModelFamily
{
    public override string Name => "swin";

    public override string Description => "Transformers with attention within windows and patch merging between stages (Swin).";

    protected override bool Recognizes(ModelStructure structure) =>
        structure.Attentions.Any(a => a.Windows > 1) || structure.Layers.Any(l => l.Type is LayerType.Reduction) && structure.Layers.Any(l => l.Type is LayerType.Qkv or LayerType.Q);
}
