using System.Text.RegularExpressions;

namespace LampQ.Onnx;

/// <summary>Gives layers names for people. Names never decide anything; a model without any gets type and block.</summary>
static partial class LayerNames
{
    /// <summary>One unique name a layer: from its weight ("blocks.0.attn.qkv.weight"), bias or node ("/blocks.0/attn/qkv/MatMul"), else "blocks.0.qkv".</summary>
    public static string[] Of(IReadOnlyList<LinearCandidate> layers, Func<Value, Value> root)
    {
        // A weight that two layers share, or a module that holds several products, names none of them.
        var wishes = layers.Select(l => Wish(l, root)).ToArray();
        var counts = wishes.CountBy(w => w ?? "").ToDictionary();
        var taken = new HashSet<string>();
        return [.. layers.Select((layer, i) => Unique(wishes[i] is { } wish ? counts[wish] == 1 ? wish : $"{wish}.{layer.Type!.Value.Word()}" : ByType(layer), taken))];
    }

    /// <summary>q, k and v of one block share a group, and so do layers with the same weight; every other layer is alone.</summary>
    public static string[] GroupsOf(IReadOnlyList<LinearCandidate> layers, Func<Value, Value> root)
    {
        var taken = new HashSet<string>();
        var byWeight = new Dictionary<Value, string>();
        var byAttention = new Dictionary<int, string>();
        return [.. layers.Select(Group)];

        string Group(LinearCandidate layer)
        {
            if (byWeight.TryGetValue(root(layer.Weight), out string? shared))
                return shared;
            bool attends = layer.Type is LayerType.Qkv or LayerType.Q or LayerType.K or LayerType.V;
            if (!attends || !byAttention.TryGetValue(layer.Block, out string? group))
                group = Unique(attends ? $"blocks.{layer.Block}.qkv" : ByType(layer), taken);
            if (attends)
                byAttention[layer.Block] = group;
            return byWeight[root(layer.Weight)] = group;
        }
    }

    static string ByType(LinearCandidate layer) => layer.Block >= 0 ? $"blocks.{layer.Block}.{layer.Type!.Value.Word()}" : layer.Type!.Value.Word();

    static string Unique(string wish, HashSet<string> taken)
    {
        string name = wish;
        for (int number = 2; !taken.Add(name); number++)
            name = $"{wish}_{number}";
        return name;
    }

    static string? Wish(LinearCandidate layer, Func<Value, Value> root) =>
        OfParameter(root(layer.Weight).Name, WeightEnding()) ?? OfParameter(layer.Bias is { } bias ? root(bias).Name : "", BiasEnding()) ?? OfNode(layer.Node);

    static string? OfParameter(string name, Regex ending)
    {
        var match = ending.Match(name);
        return match.Success && !name.Contains("::", StringComparison.Ordinal) ? Clean(name[..match.Index]) : null;
    }

    /// <summary>"/blocks.0/attn/qkv/MatMul" says blocks.0.attn.qkv; "MatMul_12" says nothing.</summary>
    static string? OfNode(Node node)
    {
        int slash = node.Name.LastIndexOf('/');
        if (slash <= 0)
            return null;
        string last = node.Name[(slash + 1)..];
        return last.StartsWith(node.OpType, StringComparison.Ordinal) || last is "BiasAdd" or "convolution" ? Clean(node.Name[..slash]) : null;
    }

    static string? Clean(string path)
    {
        string name = path.Trim('/', '.').Replace('/', '.');
        return name.Length > 0 ? name : null;
    }

    [GeneratedRegex(@"[._/](weight|kernel|W)$")]
    private static partial Regex WeightEnding();

    [GeneratedRegex(@"[._/](bias|b)$")]
    private static partial Regex BiasEnding();
}
