namespace LampQ.Onnx;

/// <summary>
/// How one activation is rounded: a code for every value, x ↦ <see cref="CodeOf"/>, and a value for every code, x̂ = <see cref="Values"/>[code]. What is written into a
/// graph is a formula in standard operators (<see cref="Emit"/>), the same for all quantizers of a kind; only its <see cref="Parameters"/> differ.
/// </summary>
/// <remarks>Uniform codes are the common case (<see cref="AffineQuantizer"/>): integer kernels know no other.</remarks>
public abstract record ActivationQuantizer
{
    /// <summary>Bits of a code.</summary>
    public abstract int Bits { get; }

    /// <summary>x̂ of every code from 0 on: 2^<see cref="Bits"/> values, or one more where a zero is counted apart as the papers do (<see cref="ZeroState.Extra"/>).</summary>
    public abstract IReadOnlyList<float> Values { get; }

    /// <summary>The code of a value, an index of <see cref="Values"/>; rounding is half to even in the domain of the codes.</summary>
    public abstract int CodeOf(float x);

    /// <summary>The value after rounding to a code and back.</summary>
    public virtual float Apply(float x) => Values[CodeOf(x)];

    /// <summary>What the formula takes besides x, by name; names, types and ranks are the same for all quantizers of a kind.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Value)> Parameters { get; }

    /// <summary>Adds x̂ of a value to a graph, in operators of opset 13.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">A float value of it.</param>
    /// <param name="parameter">The value that holds a parameter: an initializer, or an input that is fed.</param>
    /// <param name="name">Prefix of the new names.</param>
    public Value Emit(Graph graph, Value x, Func<string, Value> parameter, string name)
    {
        var result = EmitCore(new Steps(graph, x, name), parameter);
        (result.Type, result.Shape) = (ElementType.Float, x.Shape);
        return result;
    }

    /// <summary>Adds the formula.</summary>
    private protected abstract Value EmitCore(Steps steps, Func<string, Value> parameter);

    // A constant zero activation has no range; any positive step represents it exactly.
    private protected static float Positive(float scale) => scale > 1e-20f && float.IsFinite(scale) ? scale : 1f;

    /// <summary>Pointwise operators, one after the other, each of the shape of x.</summary>
    private protected readonly struct Steps(Graph graph, Value x, string name)
    {
        public Value X => x;

        public Value Do(string operation, IReadOnlyList<Value?> inputs, string step, ElementType type = ElementType.Float, params IReadOnlyList<(string Name, object Value)> attributes)
        {
            var value = graph.Emit(operation, inputs, $"{name}.{step}", attributes);
            (value.Type, value.Shape) = (type, x.Shape);
            return value;
        }
    }
}
