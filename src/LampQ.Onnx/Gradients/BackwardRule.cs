using System.Reflection;

namespace LampQ.Onnx;

/// <summary>
/// How one operator (or a tight family) passes a backward value from its outputs to its inputs. A gradient rule computes
/// ∂loss/∂input from ∂loss/∂output; a relevance rule shares relevance out among the inputs. The walk is the same for both.
/// </summary>
/// <remarks>A new rule is one new file in Rules/: a class, and a static property here by which <see cref="All"/> finds it.</remarks>
public abstract partial class BackwardRule
{
    static readonly Lazy<IReadOnlyList<BackwardRule>> all = new(() => [.. typeof(BackwardRule)
        .GetProperties(BindingFlags.Public | BindingFlags.Static)
        .Where(p => p.PropertyType == typeof(BackwardRule))
        .Select(p => (BackwardRule)p.GetValue(null)!)]);

    /// <summary>Every rule there is, those of all rule sets.</summary>
    public static IReadOnlyList<BackwardRule> All => all.Value;

    /// <summary>Operators of ONNX's own domain that the rule covers.</summary>
    public abstract IReadOnlyList<string> Operators { get; }

    /// <summary>The rule set the rule belongs to; "gradients" unless it says otherwise.</summary>
    public virtual string RuleSet => "gradients";

    /// <summary>True when a backward value can pass to this input: a floating one, unless the rule knows better.</summary>
    public virtual bool Carries(Node node, int input) => node.Inputs[input] is { } value && IsFloating(value.Type);

    /// <summary>True when a backward value can arrive at this output: a floating one, unless the rule knows better.</summary>
    public virtual bool Accepts(Value output) => IsFloating(output.Type);

    /// <summary>Emits the backward values of a node's inputs and hands them to the step.</summary>
    /// <exception cref="NotSupportedException">The rule does not cover this form of the operator; the message names node and way out.</exception>
    public void Apply(BackwardStep step)
    {
        ApplyCore(step);
        for (int i = 0; i < step.Node.Inputs.Count; i++)
            if (step.Wants(i) && !step.HasGiven(i))
                throw step.Unsupported($"its input {i} ('{step.Node.Inputs[i]!.Name}') cannot be differentiated");
    }

    /// <summary>True for the types gradients exist in; a type nobody stated counts as floating.</summary>
    internal static bool IsFloating(ElementType type) =>
        type is ElementType.Undefined or ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>Emits the backward values of the inputs the step wants.</summary>
    protected abstract void ApplyCore(BackwardStep step);
}
