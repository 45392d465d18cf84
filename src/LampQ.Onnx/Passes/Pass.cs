namespace LampQ.Onnx;

/// <summary>A rewriting of a model: takes one, returns another, leaves the first as it was.</summary>
public abstract class Pass
{
    /// <summary>The rewritten model; <paramref name="model"/> stays as it was.</summary>
    public Model Apply(Model model)
    {
        var copy = model.Clone();
        ApplyCore(copy);
        copy.Graph.RemoveUnused();
        copy.Graph.Sort();
        return copy;
    }

    /// <summary>Rewrites the model in place; it is the caller's own copy.</summary>
    protected abstract void ApplyCore(Model model);
}
