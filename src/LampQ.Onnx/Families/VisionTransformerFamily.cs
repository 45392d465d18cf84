namespace LampQ.Onnx;

public abstract partial class ModelFamily
{
    /// <summary>Attention over all tokens: ViT, DeiT, BEiT, encoders and decoders of detectors.</summary>
    public static ModelFamily VisionTransformer { get; } = new VisionTransformerFamily();
}

sealed class VisionTransformerFamily : ModelFamily
{
    public override string Name => "vit";

    public override string Description => "Transformers with attention over all tokens (ViT, DeiT).";

    protected override bool Recognizes(ModelStructure structure) =>
        structure.Attentions.Count > 0 || structure.Layers.Any(l => l.Type is LayerType.Qkv or LayerType.Q);
}
