namespace LampQ.Onnx;

/// <summary>
/// A dataflow graph with its uses: every value knows who computes it and who needs it. Nodes may be added in any order;
/// <see cref="Sort"/> puts each behind what it needs. Not safe for concurrent change.
/// </summary>
public sealed class Graph
{
    readonly List<Node> nodes = [];
    readonly List<Value> inputs = [];
    readonly List<Value> outputs = [];
    readonly Dictionary<string, Value> values = [];
    readonly Dictionary<string, int> nameCounters = [];

    internal Graph(string name) => Name = name;

    /// <summary>Name of the graph.</summary>
    public string Name { get; set; }

    /// <summary>The nodes, each behind what it needs unless nodes were added since the last <see cref="Sort"/>.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    /// <summary>What the caller provides; initializers do not count.</summary>
    public IReadOnlyList<Value> Inputs => inputs;

    /// <summary>What the model returns.</summary>
    public IReadOnlyList<Value> Outputs => outputs;

    /// <summary>All values by any order.</summary>
    public IEnumerable<Value> Values => values.Values;

    /// <summary>The initializers.</summary>
    public IEnumerable<Value> Initializers => values.Values.Where(v => v.Initializer is not null);

    /// <summary>What the reader saw, so that parts LampQ does not know survive; only IO looks inside.</summary>
    internal object? Carried { get; set; }

    /// <summary>The value of this name, or null.</summary>
    public Value? Find(string name) => values.GetValueOrDefault(name);

    /// <summary>A name no value of the graph has yet: the wish itself, or the wish with a number behind it.</summary>
    public string NewName(string wish)
    {
        if (!values.ContainsKey(wish))
            return wish;
        int number = nameCounters.GetValueOrDefault(wish, 1);
        string name;
        do
            name = $"{wish}_{number++}";
        while (values.ContainsKey(name));
        nameCounters[wish] = number;
        return name;
    }

    /// <summary>Adds something the caller provides.</summary>
    public Value AddInput(string name, ElementType type, params IReadOnlyList<Dimension> shape)
    {
        var value = Add(name);
        (value.Type, value.Shape, value.IsGraphInput) = (type, shape, true);
        inputs.Add(value);
        return value;
    }

    /// <summary>Adds a weight or another constant as initializer, under the wished name or that name with a number.</summary>
    public Value AddInitializer(string wish, Tensor tensor)
    {
        var value = Add(NewName(wish));
        SetInitializer(value, tensor);
        return value;
    }

    /// <summary>Gives an initializer another tensor; every use sees it.</summary>
    public void SetInitializer(Value value, Tensor tensor)
    {
        if (value.Producer is not null || value.IsGraphInput)
            throw new InvalidOperationException($"'{value.Name}' is computed or provided by the caller; only an initializer can hold a tensor.");
        value.Initializer = tensor;
        value.Type = tensor.Type;
        value.Shape = [.. tensor.Shape.Select(d => new Dimension(d))];
    }

    /// <summary>Adds a node; its outputs are new values under the wished names (or those with a number).</summary>
    public Node AddNode(string opType, IReadOnlyList<Value?> nodeInputs, IReadOnlyList<string> outputWishes, string domain = "", string name = "",
        params IReadOnlyList<(string Name, object Value)> attributes)
    {
        var node = new Node(this, opType, domain, name);
        for (int i = 0; i < nodeInputs.Count; i++)
            node.SetInput(i, nodeInputs[i]);
        foreach (string wish in outputWishes)
            node.AddOutput(Add(NewName(wish)));
        foreach (var (attributeName, value) in attributes)
            node.Set(attributeName, value);
        nodes.Add(node);
        return node;
    }

    /// <summary>Adds a node with one output, named after the operator, and returns that output.</summary>
    public Value Emit(string opType, IReadOnlyList<Value?> nodeInputs, params IReadOnlyList<(string Name, object Value)> attributes) =>
        Emit(opType, nodeInputs, opType, attributes);

    /// <summary>Adds a node with one output under the wished name, which is the node's name too, and returns that output.</summary>
    public Value Emit(string opType, IReadOnlyList<Value?> nodeInputs, string wish, params IReadOnlyList<(string Name, object Value)> attributes)
    {
        var node = AddNode(opType, nodeInputs, [wish], attributes: attributes);
        node.Name = node.Output.Name;
        return node.Output;
    }

    /// <summary>Makes the model return the value.</summary>
    public void AddOutput(Value value)
    {
        if (value.IsGraphOutput)
            return;
        value.IsGraphOutput = true;
        outputs.Add(value);
    }

    /// <summary>Makes the model no longer return the value.</summary>
    public void RemoveOutput(Value value)
    {
        value.IsGraphOutput = false;
        outputs.Remove(value);
    }

    /// <summary>Makes the model return another value in the place of an old one.</summary>
    public void ReplaceOutput(Value old, Value replacement)
    {
        outputs[outputs.IndexOf(old)] = replacement;
        (old.IsGraphOutput, replacement.IsGraphOutput) = (false, true);
    }

    /// <summary>Takes away an input that nothing uses.</summary>
    public void RemoveInput(Value value)
    {
        if (value.Uses.Count > 0)
            throw new InvalidOperationException($"Input '{value.Name}' is still used by {value.Uses[0].Node}.");
        inputs.Remove(value);
        values.Remove(value.Name);
    }

    /// <summary>Turns an initializer into something the caller provides, under the same name.</summary>
    public void MakeInput(Value initializer)
    {
        if (initializer.Initializer is null)
            throw new InvalidOperationException($"'{initializer.Name}' is not an initializer.");
        initializer.Initializer = null;
        initializer.IsGraphInput = true;
        inputs.Add(initializer);
    }

    /// <summary>Connects every node that uses <paramref name="old"/> to <paramref name="replacement"/> instead, except <paramref name="except"/>.</summary>
    /// <remarks>Graph outputs keep their value: a model's output names are its contract.</remarks>
    public void ReplaceUses(Value old, Value replacement, Node? except = null)
    {
        foreach (var use in old.Uses.ToArray())
            if (use.Node != except)
                use.Node.SetInput(use.Index, replacement);
    }

    /// <summary>Gives a value another name.</summary>
    /// <exception cref="ArgumentException">Another value has that name already.</exception>
    public void Rename(Value value, string name)
    {
        if (value.Name == name)
            return;
        if (!values.TryAdd(name, value))
            throw new ArgumentException($"The graph already has a value named '{name}'.", nameof(name));
        values.Remove(value.Name);
        value.Name = name;
    }

    /// <summary>Takes a node away; nothing may use its outputs any more.</summary>
    public void Remove(Node node)
    {
        foreach (var output in node.Outputs)
            if (output is { IsUnused: false })
                throw new InvalidOperationException($"Output '{output.Name}' of node {node} is still used; the node cannot be removed.");
        node.TrimInputs(0);
        foreach (var output in node.Outputs)
            if (output is not null)
                values.Remove(output.Name);
        nodes.Remove(node);
    }

    /// <summary>Puts another operator in the place of a node: same name, same outputs, other inputs.</summary>
    internal Node Replace(Node old, string opType, params IReadOnlyList<Value?> newInputs)
    {
        var node = new Node(this, opType, old.Domain, old.Name);
        for (int i = 0; i < newInputs.Count; i++)
            node.SetInput(i, newInputs[i]);
        foreach (var output in old.Outputs)
            node.AddOutput(output);
        old.TrimInputs(0);
        nodes[nodes.IndexOf(old)] = node;
        return node;
    }

    /// <summary>Takes away every node and initializer that no output needs.</summary>
    public void RemoveUnused()
    {
        var needed = new HashSet<Node>();
        var open = new Stack<Value>(values.Values.Where(v => v.IsGraphOutput || v.IsCaptured));
        while (open.TryPop(out var value))
            if (value.Producer is { } producer && needed.Add(producer))
                foreach (var input in producer.Inputs)
                    if (input is not null)
                        open.Push(input);
        foreach (var node in nodes.Where(n => !needed.Contains(n)))
        {
            node.TrimInputs(0);
            foreach (var output in node.Outputs)
                if (output is not null)
                    values.Remove(output.Name);
        }
        nodes.RemoveAll(n => !needed.Contains(n));
        foreach (var initializer in Initializers.Where(v => v.IsUnused).ToArray())
            values.Remove(initializer.Name);
    }

    /// <summary>Puts every node behind what it needs, keeping the present order where it can.</summary>
    /// <exception cref="InvalidDataException">The graph has a cycle.</exception>
    public void Sort()
    {
        var order = nodes.Select((node, index) => (node, index)).ToDictionary(p => p.node, p => p.index);
        var waiting = nodes.ToDictionary(n => n, n => Needs(n).Count());
        var followers = nodes.ToDictionary(n => n, _ => new List<Node>());
        foreach (var node in nodes)
            foreach (var needed in Needs(node))
                followers[needed].Add(node);
        var ready = new PriorityQueue<Node, int>(nodes.Where(n => waiting[n] == 0).Select(n => (n, order[n])));
        var sorted = new List<Node>(nodes.Count);
        while (ready.TryDequeue(out var node, out _))
        {
            sorted.Add(node);
            foreach (var follower in followers[node])
                if (--waiting[follower] == 0)
                    ready.Enqueue(follower, order[follower]);
        }
        if (sorted.Count < nodes.Count)
            throw new InvalidDataException($"The graph has a cycle through node {nodes.First(n => waiting[n] > 0)}.");
        nodes.Clear();
        nodes.AddRange(sorted);
    }

    internal Value Add(string name)
    {
        var value = new Value(name);
        if (!values.TryAdd(name, value))
            throw new InvalidDataException($"Two values of the graph have the name '{name}'; names must be unique.");
        return value;
    }

    internal Value GetOrAdd(string name) => values.TryGetValue(name, out var value) ? value : Add(name);

    internal Node AddEmpty(string opType, string domain, string name)
    {
        var node = new Node(this, opType, domain, name);
        nodes.Add(node);
        return node;
    }

    internal void AddExistingInput(Value value)
    {
        value.IsGraphInput = true;
        inputs.Add(value);
    }

    IEnumerable<Node> Needs(Node node)
    {
        foreach (var input in node.Inputs)
            if (input?.Producer is { } producer)
                yield return producer;
        foreach (var attribute in node.Attributes)
            foreach (string captured in attribute.CapturedNames)
                if (Find(captured)?.Producer is { } producer && producer != node)
                    yield return producer;
    }
}
