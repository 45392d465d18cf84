namespace LampQ.Transforms;

/// <summary>The columns of a model's inputs and outputs.</summary>
/// <param name="Inputs">One a model input.</param>
/// <param name="Outputs">One a model output, from the first; the rest is not computed.</param>
sealed record ColumnNames(IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs)
{
    /// <summary>Names from options, or the model's own.</summary>
    /// <exception cref="ArgumentException">There are more or fewer names than the model has inputs, or more than it has outputs.</exception>
    public static ColumnNames Of(ScoringModel model, LampQScoringOptions options)
    {
        if (options.InputColumnNames.Count != 0 && options.InputColumnNames.Count != model.Inputs.Count)
            throw Wrong(nameof(options.InputColumnNames), options.InputColumnNames, "inputs", model.Inputs);
        if (options.OutputColumnNames.Count > model.Outputs.Count)
            throw Wrong(nameof(options.OutputColumnNames), options.OutputColumnNames, "outputs", model.Outputs);
        return new ColumnNames(
            options.InputColumnNames.Count > 0 ? options.InputColumnNames : [.. model.Inputs.Select(i => i.Name)],
            options.OutputColumnNames.Count > 0 ? options.OutputColumnNames : [.. model.Outputs.Select(o => o.Name)]);
    }

    static ArgumentException Wrong(string option, IReadOnlyList<string> names, string role, IReadOnlyList<ModelPort> ports) =>
        new($"{option} are [{string.Join(", ", names)}], but the model has {ports.Count} {role}: {string.Join(", ", ports.Select(p => p.Name))}.");
}
