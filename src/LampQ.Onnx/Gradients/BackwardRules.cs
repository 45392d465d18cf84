namespace LampQ.Onnx;

/// <summary>A named set of rules, one for an operator: what a backward walk computes.</summary>
public sealed class BackwardRules
{
    static readonly Lazy<BackwardRules> gradients = new(() => new BackwardRules("gradients", BackwardRule.All.Where(r => r.RuleSet == "gradients")));

    // Where values only move, relevance moves with them, as gradients do.
    static readonly Lazy<BackwardRules> relevance = new(() => new BackwardRules("relevance",
        [BackwardRule.Identity, BackwardRule.Reshape, BackwardRule.Transpose, BackwardRule.Split, BackwardRule.Slice, BackwardRule.Gather, BackwardRule.Concat, BackwardRule.Expand,
            BackwardRule.Pad, .. BackwardRule.All.Where(r => r.RuleSet == "relevance")]));

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

    /// <summary>
    /// Layer-wise relevance propagation: the score of a class shared out among everything that led to it, as LRP-QViT does (arXiv 2401.11243, equations 18 to 20) with
    /// the rules of Chefer et al. (CVPR 2021, Transformer-Explainability), α = 1, β = 0.
    /// </summary>
    public static BackwardRules Relevance => relevance.Value;

    /// <summary>Name of the set.</summary>
    public string Name { get; }

    /// <summary>Operators that have a rule, by alphabet.</summary>
    public IEnumerable<string> Operators => byOperator.Keys.Order(StringComparer.Ordinal);

    /// <summary>The rule for a node, or null.</summary>
    public BackwardRule? Find(Node node) => node.Is(node.OpType) ? byOperator.GetValueOrDefault(node.OpType) : null;
}
