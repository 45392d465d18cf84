using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// Rewrites a QDQ graph to the fused operators of ai.lampq (docs/formats.md): the layers, attentions, norms and patches that a model family finds in the
/// float view of the graph, where the graph quantizes their operands. What does not fit stays as it is, for ONNX Runtime.
/// </summary>
/// <remarks>
/// Integers are the graph's own: codes, zero points and scales are taken over, int8 activations with 128 added to code and zero point. Floats keep the
/// order of the graph's operators, up to the last bit of a product of scales.
/// </remarks>
public sealed class Lowering : Pass
{
    /// <summary>
    /// True (the default) computes the last block for the class token alone, where nothing reads the other tokens: the same bits, less work.
    /// </summary>
    public bool SelectTokensEarly { get; init; } = true;

    /// <summary>What the last <see cref="Pass.Apply"/> did.</summary>
    public LoweringReport Report { get; private set; } = LoweringReport.Empty;

    /// <inheritdoc/>
    protected override void ApplyCore(Model model)
    {
        if (model.Opsets.ContainsKey(LampQDomain.Name))
            throw new InvalidOperationException($"The model has operators of {LampQDomain.Name} already; there is nothing to lower.");
        FoldScalars(model.Graph);
        model.Graph.Sort();
        var rewriting = new GraphLowering(model.Graph, new FloatView(model));
        rewriting.Run();
        model.Graph.RemoveUnused();
        if (model.Graph.Nodes.Any(n => n.Domain == LampQDomain.Name))
        {
            model.Opsets[LampQDomain.Name] = LampQDomain.Version;
            if (SelectTokensEarly)
            {
                TokenSelection.MoveUp(model.Graph);
                QueriesAlone.Split(model.Graph);
            }
        }
        Report = new LoweringReport(rewriting.Operations);
    }

    /// <summary>Takes Identity away: other tools leave it between initializers and their uses.</summary>
    static void FoldScalars(Graph graph)
    {
        foreach (var node in graph.Nodes.Where(n => n.Is("Identity") && !n.Output.IsGraphOutput && !n.Output.IsCaptured).ToArray())
            graph.ReplaceUses(node.Output, node.Input(0)!);
    }
}
