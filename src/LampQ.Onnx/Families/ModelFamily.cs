namespace LampQ.Onnx;

/// <summary>
/// A kind of model: what its layers are called and how they are found. Layers are found by structure, never by node name, so every exporter's
/// spelling of a model gives the same layers.
/// </summary>
public abstract partial class ModelFamily
{
    /// <summary>Every known family, the most special first.</summary>
    public static IReadOnlyList<ModelFamily> All => [Swin, VisionTransformer, Generic];

    /// <summary>Name for the command line and reports.</summary>
    public abstract string Name { get; }

    /// <summary>What belongs to the family, in one line.</summary>
    public abstract string Description { get; }

    /// <summary>The family a model belongs to; <see cref="Generic"/> when no other knows it.</summary>
    public static ModelFamily Detect(Model model) => Detect(model, out _);

    /// <summary>The family a model belongs to and what <see cref="Analyze"/> of that family says about the model, in one go.</summary>
    public static ModelFamily Detect(Model model, out ModelStructure structure)
    {
        var found = StructureFinder.Find(model);
        var family = All.First(f => f.Recognizes(found));
        structure = family.AnalyzeCore(found);
        return family;
    }

    /// <summary>Everything recognised in the model, and what was not and why.</summary>
    /// <remarks>
    /// Nodes and values are those of <paramref name="model"/>, which stays as it is. Layers inside If, Loop and Scan are not found.
    /// A layer of an MLP is fc1 or fc2 when GELU stands between the two; with another activation (ReLU, SiLU, gated SwiGLU, whose two first
    /// layers are both fc1) the MLP must be a residual branch, else its layers count as linear or head.
    /// </remarks>
    public ModelStructure Analyze(Model model) => AnalyzeCore(StructureFinder.Find(model));

    /// <summary>The linear layers of the model along the data; empty when it has none.</summary>
    public IReadOnlyList<QuantizableLayer> FindLayers(Model model) => Analyze(model).Layers;

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>True when a model of this structure belongs to the family.</summary>
    protected abstract bool Recognizes(ModelStructure structure);

    /// <summary>Gives the structure the family's own reading; the same by default.</summary>
    protected virtual ModelStructure AnalyzeCore(ModelStructure structure) => structure;
}
