using System.Reflection;

namespace LampQ.Onnx;

/// <summary>
/// What a backward walk starts from: a number per sample computed from one output of the model, and its derivative there.
/// Losses are summed over the batch, never averaged, so that the gradients of independent samples stay those of each sample alone.
/// </summary>
public abstract partial class Loss
{
    static readonly Lazy<IReadOnlyList<Loss>> all = new(() => [.. typeof(Loss)
        .GetProperties(BindingFlags.Public | BindingFlags.Static)
        .Where(p => p.PropertyType == typeof(Loss))
        .Select(p => (Loss)p.GetValue(null)!)]);

    /// <summary>Every loss there is.</summary>
    public static IReadOnlyList<Loss> All => all.Value;

    /// <summary>Name for options and reports.</summary>
    public abstract string Name { get; }

    /// <summary>Emits the loss behind a model output.</summary>
    /// <param name="emit">Adds operators to the graph.</param>
    /// <param name="output">The output, [B, ..].</param>
    /// <exception cref="NotSupportedException">The output has a type or shape the loss cannot be computed from.</exception>
    public LossHead Attach(GraphEmitter emit, Value output)
    {
        if (!BackwardRule.IsFloating(output.Type))
            throw new NotSupportedException($"Output '{output.Name}' holds {output.Type}; the loss '{Name}' needs floating numbers. Choose another output.");
        if (GraphEmitter.Sizes(output).Length < MinimumRank)
            throw new NotSupportedException($"Output '{output}' has too few axes for the loss '{Name}', which needs at least {MinimumRank}. Choose another output.");
        return AttachCore(emit, output);
    }

    /// <summary>The fewest axes an output can have.</summary>
    protected virtual int MinimumRank => 0;

    /// <summary>Emits the loss behind a model output.</summary>
    protected abstract LossHead AttachCore(GraphEmitter emit, Value output);

    /// <summary>Sum over all axes but the first: [B, ..] to [B].</summary>
    protected static Value SumPerSample(GraphEmitter emit, Value x) =>
        emit.ReduceSum(x, [.. Enumerable.Range(1, Math.Max(0, GraphEmitter.Sizes(x).Length - 1)).Select(i => (long)i)], keepDims: false);
}

/// <summary>A loss behind a model output.</summary>
/// <param name="PerSample">The loss of each sample, [B].</param>
/// <param name="Seed">∂(sum of losses)/∂output, of the output's shape.</param>
/// <param name="Inputs">What the caller must now provide in addition.</param>
public sealed record LossHead(Value PerSample, Value Seed, IReadOnlyList<Value> Inputs);
