using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>Checks that a model can be quantized before any data are touched.</summary>
static class FloatModel
{
    /// <summary>The family and what was recognised, after constants are folded.</summary>
    /// <param name="model">The model as it was read.</param>
    /// <param name="path">Where it was read.</param>
    /// <exception cref="CommandError">The model contradicts itself.</exception>
    public static (ModelFamily Family, ModelStructure Structure) Analyze(Model model, string path) => CommandError.BlameModel(path, () =>
    {
        var folded = Fold(model);
        var family = ModelFamily.Detect(folded, out var structure);
        return (family, structure);
    });

    /// <summary>As <see cref="Analyze"/>, and refuses what cannot be quantized.</summary>
    /// <param name="model">The model as it was read.</param>
    /// <param name="path">Where it was read.</param>
    /// <param name="container">Types that weights will be stored in, which ask for an opset.</param>
    /// <exception cref="CommandError">The model is quantized already, has no linear layer, a weight that is no number, or an operator that cannot be upgraded.</exception>
    public static ModelStructure Check(Model model, string path, WeightContainer container)
    {
        if (QuantizedModel.IsQuantized(model, out string evidence))
            throw CommandError.Model($"The model '{path}' is quantized already ({evidence}); expected a float model. Give the one it was made from.");
        var (_, structure) = Analyze(model, path);
        if (structure.Layers.Count == 0)
            throw CommandError.Model($"The model '{path}' has no linear layer that can be quantized; expected a MatMul, a Gemm or a patch embedding with constant weights. Run 'lampq inspect' to see what was not recognised.");
        foreach (var layer in structure.Layers)
            CheckWeights(layer, path);
        CommandError.BlameModel(path, () => model.Opset < container.MinimumOpset() ? new OpsetUpgrade(container.MinimumOpset()).Apply(Fold(model)) : model);
        return structure;
    }

    static Model Fold(Model model)
    {
        var folded = new ConstantFolding().Apply(model);
        ShapeInference.Infer(folded);
        return folded;
    }

    static void CheckWeights(QuantizableLayer layer, string path)
    {
        float[] weights = layer.WeightTensor.ToFloats();
        int bad = Array.FindIndex(weights, w => !float.IsFinite(w));
        if (bad >= 0)
            throw CommandError.Model($"The layer '{layer.Name}' of '{path}' has {weights.Count(w => !float.IsFinite(w))} weights that are no numbers (the first, at {bad}, is {weights[bad]}); expected finite numbers. Export the model again from a good checkpoint.");
    }
}
