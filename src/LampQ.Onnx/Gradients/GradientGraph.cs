namespace LampQ.Onnx;

/// <summary>Turns a model into another one that computes ∂loss/∂value, in standard operators at the model's own opset.</summary>
public static class GradientGraph
{
    /// <summary>
    /// Builds the model that returns the loss of each sample and, for each wanted value, the derivative of the summed loss.
    /// Forward values are computed once and used by both directions; what neither needs is dropped.
    /// </summary>
    /// <param name="model">A float model of opset 11 to 21 whose input shapes are fixed (<see cref="FixInputShapes"/>); it stays as it was.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="wanted">Names of graph inputs, initializers or intermediate values.</param>
    /// <param name="rules">What is computed; <see cref="BackwardRules.Gradients"/> when null.</param>
    /// <param name="output">The model output the loss is computed from; the first one when null.</param>
    /// <exception cref="ArgumentException">A wanted value does not exist or does not lead to the loss.</exception>
    /// <exception cref="NotSupportedException">Opset, a shape, or an operator on the way is not covered; the message names it.</exception>
    public static GradientModel Build(Model model, Loss loss, IReadOnlyList<string> wanted, BackwardRules? rules = null, string? output = null)
    {
        var copy = model.Clone();
        var (head, backward) = Extend(copy, loss, [.. wanted.Select(name => Find(copy, name, nameof(wanted)))], rules, output);
        var gradients = new Dictionary<string, string>();
        KeepOnly(copy, [head.PerSample, .. backward.Select((value, i) =>
        {
            var named = Name(copy, value, $"{wanted[i]}/gradient");
            gradients[wanted[i]] = named.Name;
            return named;
        })]);
        return new GradientModel(copy, head.PerSample.Name, gradients, [.. head.Inputs.Select(i => i.Name)]);
    }

    /// <summary>Adds loss and backward values to a model in place.</summary>
    internal static (LossHead Head, IReadOnlyList<Value> Backward) Extend(Model model, Loss loss, IReadOnlyList<Value> wanted, BackwardRules? rules = null, string? output = null)
    {
        if (model.Opset is < 11 or > 21)
            throw new NotSupportedException($"The model is written in opset {model.Opset}; backward graphs are emitted for opsets 11 to 21. Convert the model first.");
        var data = ShapeInference.Walk(model).Data;
        var start = output is null ? model.Graph.Outputs[0] : Find(model, output, nameof(output));
        var emit = new GraphEmitter(model.Graph, model.Opset);
        var head = loss.Attach(emit, start);
        head = head with { PerSample = Name(model, head.PerSample, "loss") };
        return (head, new BackwardWalk(model.Graph, emit, rules ?? BackwardRules.Gradients,
            v => v.Constant ?? data.GetValueOrDefault(v)?.ToTensor()).Run([(start, head.Seed)], wanted));
    }

    /// <summary>Walks once more over a model that <see cref="Extend"/> has prepared, from given seeds.</summary>
    internal static IReadOnlyList<Value> Walk(Model model, BackwardRules rules, IReadOnlyList<(Value Value, Value Backward)> seeds, IReadOnlyList<Value> wanted)
    {
        var data = ShapeInference.Walk(model).Data;
        return new BackwardWalk(model.Graph, new GraphEmitter(model.Graph, model.Opset), rules, v => v.Constant ?? data.GetValueOrDefault(v)?.ToTensor()).Run(seeds, wanted);
    }

    /// <summary>A value to return under a name of its own: two wanted values may share one backward value, or it may be an input.</summary>
    internal static Value Name(Model model, Value value, string wish)
    {
        var named = model.Graph.Emit("Identity", [value], wish);
        (named.Type, named.Shape) = (value.Type, value.Shape);
        return named;
    }

    /// <summary>Makes the model return these values and drops everything else.</summary>
    internal static void KeepOnly(Model model, IReadOnlyList<Value> outputs)
    {
        foreach (var old in model.Graph.Outputs.ToArray())
            model.Graph.RemoveOutput(old);
        foreach (var value in outputs)
            model.Graph.AddOutput(value);
        model.Graph.RemoveUnused();
        foreach (var input in model.Graph.Inputs.Where(i => i.IsUnused).ToArray())
            model.Graph.RemoveInput(input);
        model.Graph.Sort();
    }

    /// <summary>The value of that name.</summary>
    internal static Value Find(Model model, string name, string parameter) => model.Graph.Find(name)
        ?? throw new ArgumentException($"The model has no value named '{name}'. Names of values are those of graph inputs, initializers and node outputs.", parameter);
}

/// <summary>A model that returns gradients.</summary>
/// <param name="Model">The model; its inputs are those of the forward model that are still needed, and <paramref name="ExtraInputs"/>.</param>
/// <param name="Loss">Name of the output that holds the loss of each sample, [B].</param>
/// <param name="Gradients">For each wanted value the name of the output that holds its gradient, of the value's shape.</param>
/// <param name="ExtraInputs">Names of the inputs the loss adds.</param>
public sealed record GradientModel(Model Model, string Loss, IReadOnlyDictionary<string, string> Gradients, IReadOnlyList<string> ExtraInputs);
