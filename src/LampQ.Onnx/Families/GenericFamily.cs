namespace LampQ.Onnx;

public abstract partial class ModelFamily
{
    /// <summary>Every other model: its linear layers, whatever they do.</summary>
    public static ModelFamily Generic { get; } = new GenericFamily();
}

sealed class GenericFamily : ModelFamily
{
    public override string Name => "generic";

    public override string Description => "Any model with linear layers.";

    protected override bool Recognizes(ModelStructure structure) => true;
}
