namespace LampQ.Onnx;

/// <summary>
/// One walk over a graph against its direction: from seeds at some values to the wanted values. Only nodes between the two are
/// visited; what arrives at a value over several paths is added.
/// </summary>
sealed class BackwardWalk(Graph graph, GraphEmitter emit, BackwardRules rules, Func<Value, Tensor?> constantOf)
{
    readonly Dictionary<Value, Value> arrived = [];

    /// <summary>Backward values of the wanted values, in their order.</summary>
    /// <param name="seeds">Values the walk starts from, with their backward values.</param>
    /// <param name="wanted">Values whose backward values are asked for.</param>
    /// <exception cref="ArgumentException">A wanted value does not lead to any seed.</exception>
    /// <exception cref="NotSupportedException">An operator on the way has no rule, or its rule does not cover its form.</exception>
    public IReadOnlyList<Value> Run(IReadOnlyList<(Value Value, Value Backward)> seeds, IReadOnlyList<Value> wanted)
    {
        graph.Sort();
        var nodes = graph.Nodes.ToArray();
        var carrying = ReachableFrom(wanted, nodes);
        foreach (var (value, backward) in seeds)
            if (carrying.Contains(value))
                Arrive(value, backward);
        foreach (var node in nodes.Reverse())
        {
            if (!node.Outputs.Any(o => o is not null && arrived.ContainsKey(o)))
                continue;
            var needed = Enumerable.Range(0, node.Inputs.Count).Where(i => IsNeeded(node, i, carrying)).ToArray();
            if (needed.Length == 0)
                continue;
            var rule = rules.Find(node) ?? throw new NotSupportedException(
                $"Operator {(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.OpType} of node {node} has no rule in the set '{rules.Name}'. "
                + "Ask only for values behind this node, rewrite it with operators that have a rule, or add a rule.");
            var step = new BackwardStep(node, emit, o => arrived.GetValueOrDefault(o), constantOf, needed);
            rule.Apply(step);
            foreach (var (input, backward) in step.Given)
                Arrive(input, backward);
        }
        return [.. wanted.Select(w => arrived.GetValueOrDefault(w) ?? throw new ArgumentException(
            $"Value '{w.Name}' does not lead to the loss, so it has no backward value. Leave it out.", nameof(wanted)))];
    }

    bool IsNeeded(Node node, int input, HashSet<Value> carrying) =>
        node.Inputs[input] is { } value && carrying.Contains(value) && (rules.Find(node)?.Carries(node, input) ?? true);

    // Integers and Booleans end the way: no small change of the input changes them.
    HashSet<Value> ReachableFrom(IReadOnlyList<Value> wanted, Node[] sorted)
    {
        var reached = new HashSet<Value>(wanted);
        foreach (var node in sorted)
            if (Enumerable.Range(0, node.Inputs.Count).Any(i => IsNeeded(node, i, reached)))
                foreach (var output in node.Outputs)
                    if (output is not null && (rules.Find(node)?.Accepts(output) ?? BackwardRule.IsFloating(output.Type)))
                        reached.Add(output);
        return reached;
    }

    void Arrive(Value value, Value backward) => arrived[value] = arrived.TryGetValue(value, out var earlier) ? emit.Add(earlier, backward) : backward;
}
