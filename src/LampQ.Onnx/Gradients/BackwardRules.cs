namespace LampQ.Onnx;

/// <summary>A named set of rules, one for an operator: what a backward walk computes.</summary>
public sealed class BackwardRules
{
    static readonly Lazy<BackwardRules> gradients = new(() => new BackwardRules("gradients", BackwardRule.All.Where(r => r.RuleSet == "gradients")));

    readonly Dictionary<string, BackwardRule> byOperator = [];

    /// <summary>A set of rules; a later rule for an operator takes the place of an earlier one.</summary>
    public BackwardRules(string name, IEnumerable<BackwardRule> rules)
    {
        Name = name;
        foreach (var rule in rules)
            foreach (string op in rule.Operators)
                byOperator[op] = rule;
    }

    /// <summary>∂loss/∂value by the chain rule; Round, Floor, Ceil and quantization pass straight through (see their rules).</summary>
    public static BackwardRules Gradients => gradients.Value;

    /// <summary>Name of the set.</summary>
    public string Name { get; }

    /// <summary>Operators that have a rule, by alphabet.</summary>
    public IEnumerable<string> Operators => byOperator.Keys.Order(StringComparer.Ordinal);

    /// <summary>The rule for a node, or null.</summary>
    public BackwardRule? Find(Node node) => node.Is(node.OpType) ? byOperator.GetValueOrDefault(node.OpType) : null;
}
