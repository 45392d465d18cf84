using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>One lowering of one graph: sites found first, then attentions, then what is left, each asking for the codes it reads.</summary>
sealed class GraphLowering
{
    readonly Graph graph;
    readonly FloatView view;
    readonly LampQNodes nodes;
    readonly Dictionary<string, LinearSite> sites = [];
    readonly List<CodedSite> codedSites = [];
    readonly Dictionary<Value, (Epilogue Epilogue, AffineQuantizer Quantizer)> epilogues = [];
    readonly Dictionary<Value, NormSite> norms = [];
    readonly Dictionary<(Value, AffineQuantizer), Value> codes = [];
    readonly Dictionary<Value, Value> levelsOf = [];
    readonly Dictionary<Value, Value> replacements = [];
    readonly List<LoweredOperation> operations = [];

    public GraphLowering(Graph graph, FloatView view)
    {
        (this.graph, this.view) = (graph, view);
        nodes = new LampQNodes(graph);
    }

    public IReadOnlyList<LoweredOperation> Operations => operations;

    public void Run()
    {
        foreach (var layer in view.Structure.Layers)
            if (LinearSites.Of(layer, graph, view, out string reason) is { } site)
                sites.Add(layer.Name, site);
            else if (CodedSite.Of(layer, graph, view) is { } coded)
                codedSites.Add(coded);
            else if (graph.Find(layer.Node.Output.Name)?.Producer is { } node && node.Inputs.Any(i => i is not null && IsQuantizedOperand(i)))
                operations.Add(new(layer.Name, node.OpType, null, reason));
        foreach (var norm in view.Structure.Norms)
            if (NormSite.Of(norm, graph) is { } site)
                norms.Add(site.Output, site);

        var attentions = new AttentionLowering(this);
        foreach (var attention in view.Structure.Attentions)
            if (IsQuantized(attention.Scores) || IsQuantized(attention.Context))
                attentions.Lower(attention);
        foreach (var site in sites.Values.Where(s => !s.IsDone))
            if (EpilogueOf.Uniform(site, view) is { } uniform)
                epilogues.TryAdd(uniform.Epilogue.Source, uniform);
        foreach (var site in codedSites)
            LowerCoded(site);
        foreach (var site in sites.Values)
            Lower(site);
        RewireReaders();
        graph.RemoveUnused();
        if (sites.Count > 0)
            foreach (var (output, norm) in norms)
                LowerFloatNorm(output, norm);
        ReportTheRest();
    }

    static bool IsQuantizedOperand(Value value) => value.Producer is { } p && p.Is("DequantizeLinear") || CodedActivation.SourceOf(value) is not null || CodedActivation.FoldedWeight(value) is not null;

    bool IsQuantized(Node viewed) => graph.Find(viewed.Output.Name)?.Producer is { } node && node.Inputs.Any(i => i is not null && QdqActivation.Match(i) is not null);

    public Graph Graph => graph;

    public FloatView View => view;

    public LampQNodes Nodes => nodes;

    public LinearSite? SiteOf(QuantizableLayer? layer) => layer is null ? null : sites.GetValueOrDefault(layer.Name);

    public void Done(string name, string operation, string loweredTo) => operations.Add(new(name, operation, loweredTo, ""));

    public void Left(string name, string operation, string reason) => operations.Add(new(name, operation, null, reason));

    /// <summary>The uint8 codes of an activation, by the best operator that computes them; asked for twice, the same value.</summary>
    public Value Codes(QuantizedActivation activation) => Codes(activation.Source, activation.Quantizer) ?? Kept(activation);

    /// <summary>Says where codes come from that an attention has computed.</summary>
    public void Provide(Value source, AffineQuantizer quantizer, Value computed) => codes[(source, quantizer)] = computed;

    /// <summary>Puts one value in the place of another for everybody, under the old name where the model returns it.</summary>
    public void Take(Value old, Value replacement)
    {
        replacements.Add(old, replacement);
        graph.ReplaceUses(old, replacement);
        if (!old.IsGraphOutput)
            return;
        string name = old.Name;
        graph.Rename(old, graph.NewName($"{name}.unused"));
        graph.Rename(replacement, name);
        graph.ReplaceOutput(old, replacement);
    }

    /// <summary>What stands now where a value of the given graph stood.</summary>
    Value Current(Value value) => replacements.TryGetValue(value, out var replacement) ? Current(replacement) : value;

    Value? Codes(Value source, AffineQuantizer quantizer)
    {
        if (codes.TryGetValue((source, quantizer), out var known))
            return known;
        var computed = OfSameCodes(source, quantizer) ?? OfNorm(source, quantizer) ?? OfLinear(source, quantizer) ?? OfPatches(source, quantizer) ?? OfMovement(source, quantizer);
        if (computed is not null)
        {
            computed.Shape ??= view.Shape(source);
            codes[(source, quantizer)] = computed;
        }
        return computed;
    }

    /// <summary>The graph's own QuantizeLinear, where it is unsigned already and reads the value in the shape that is asked for.</summary>
    Value Kept(QuantizedActivation activation)
    {
        var key = (activation.Source, activation.Quantizer);
        if (codes.TryGetValue(key, out var known))
            return known;
        var (own, source) = (activation.Quantize.Output, Current(activation.Source));
        bool reads = activation.Quantize.Input(0) == source || activation.Quantize.Input(0)!.Producer is { } clip && clip.Is("Clip") && clip.Input(0) == source;
        own.Shape ??= view.Shape(activation.Source);
        return codes[key] = activation.IsSigned || !reads ? nodes.Quantize(source, activation.Quantizer, own.Name) : own;
    }

    /// <summary>A value that was dequantized by the same quantizer has its codes already; other tools round before and behind a reshape.</summary>
    Value? OfSameCodes(Value source, AffineQuantizer quantizer) =>
        QdqActivation.Match(source) is { } inner && inner.Quantizer == quantizer ? Codes(inner) : null;

    Value? OfNorm(Value source, AffineQuantizer quantizer)
    {
        if (!norms.TryGetValue(source, out var norm))
            return null;
        var result = nodes.LayerNorm(Current(norm.Input), norm.Gamma, norm.Beta, norm.Epsilon, quantizer, $"{norm.Name}.norm");
        result.Shape ??= view.Shape(source);
        Done(norm.Name, "layer norm", "LayerNormQuantize");
        return result;
    }

    Value? OfLinear(Value source, AffineQuantizer quantizer)
    {
        if (!epilogues.TryGetValue(source, out var found) || found.Quantizer != quantizer)
            return null;
        var (epilogue, _) = found;
        var site = epilogue.Site;
        if (site.IsDone)
            return null;
        site.IsDone = true;
        var outputMultiplier = new float[site.Weights.Rows];
        for (int n = 0; n < outputMultiplier.Length; n++)
            outputMultiplier[n] = (float)((double)(epilogue.Factor is { } f ? f[f.Length == 1 ? 0 : n] : 1) / quantizer.Scale);
        byte[] zeroPoint = new byte[site.Weights.Rows];
        Array.Fill(zeroPoint, (byte)quantizer.ZeroPoint);
        var result = nodes.LinearQuantize(InputCodes(site), site.Input.Quantizer.Scale, site.Input.Quantizer.ZeroPoint, site.Weights, site.Bias, outputMultiplier, zeroPoint,
            epilogue.Activation, quantizer.Low, quantizer.High, site.Name);
        foreach (var movement in epilogue.Movements)
            result = nodes.Move(movement, result);
        Done(site.Name, "linear", "LinearQuantize");
        return result;
    }

    Value? OfPatches(Value source, AffineQuantizer quantizer)
    {
        if (QdqPatchEmbedding.MatchPatches(source) is not { } patches)
            return null;
        var result = nodes.Patches(Current(patches.Image), patches.PatchHeight, patches.PatchWidth, quantizer, source.Name);
        result.Shape = view.Shape(source);
        Done(source.Name, "patches", "PatchesQuantize");
        return result;
    }

    /// <summary>Quantizing is pointwise, so codes may be moved instead of floats, where somebody computes them.</summary>
    Value? OfMovement(Value source, AffineQuantizer quantizer)
    {
        if (source.Producer is not { } movement || !Movement.Moves(movement) || Codes(movement.Input(0)!, quantizer) is not { } before)
            return null;
        return nodes.Move(movement, before);
    }

    /// <summary>The codes a layer reads; a Conv reads patches in rows.</summary>
    public Value InputCodes(LinearSite site)
    {
        if (!site.Node.Is("Conv"))
            return Codes(site.Input);
        var key = (site.Output, site.Input.Quantizer);
        if (codes.TryGetValue(key, out var known))
            return known;
        var kernel = view.Shape(site.Node.Input(1)!) ?? site.Node.Input(1)!.Producer!.Input(0)!.Constant!.Shape.Select(d => new Dimension(d)).ToArray();
        Done(site.Name + ".patches", "patches", "PatchesQuantize");
        return codes[key] = nodes.Patches(Current(site.Input.Source), (int)kernel[2].Size!.Value, (int)kernel[3].Size!.Value, site.Input.Quantizer, site.Name + ".patches");
    }

    void Lower(LinearSite site)
    {
        if (!site.IsDone && epilogues.Values.FirstOrDefault(e => e.Epilogue.Site == site) is ({ } epilogue, var quantizer))
            Codes(epilogue.Source, quantizer);
        if (site.IsDone)
            return;
        site.IsDone = true;
        var x = site.Input.Quantizer;
        if (site.Node.Is("Conv"))
        {
            LowerConv(site);
            return;
        }
        var (residual, target) = ResidualBehind(site.Output);
        var y = nodes.Linear(InputCodes(site), x.Scale, x.ZeroPoint, site.Weights, site.Bias, residual, site.Name);
        y.Shape = view.Shape(target) ?? y.Shape;
        Take(target, y);
        Done(site.Name, "linear", residual is null ? "Linear" : "Linear with residual");
    }

    /// <summary>An Add with something of the same shape is the residual, in either order; the sum is what the layer returns then.</summary>
    (Value? Residual, Value Target) ResidualBehind(Value output) =>
        output.OnlyConsumer is { } add && add.Is("Add") && add.Input(add.Input(0) == output ? 1 : 0) is { } other && other != output && view.HaveSameShape(ViewOf(output), ViewOf(other))
            ? (other, add.Output) : (null, output);

    /// <summary>A layer behind other than uniform codes, where the layer in front of it, its activation included, can return their levels.</summary>
    void LowerCoded(CodedSite site)
    {
        if (IntegerLevels.Of(CodeTable.Of(site.Input.Apply, float.MinValue, float.MaxValue)) is not { } levels)
        {
            Left(site.Name, "linear", "The codes of its input have too many values.");
            return;
        }
        if (!levelsOf.TryGetValue(site.Operand, out var x))
        {
            var producer = sites.Values.Where(s => !s.IsDone).Select(s => EpilogueOf.Coded(s, view, site.Input)).FirstOrDefault(e => e is not null);
            if (producer is null || producer.Movements.Count > 0)
            {
                Left(site.Name, "linear", "Its input has other than uniform codes, and no lowered layer stands right in front of them; ONNX Runtime multiplies floats.");
                return;
            }
            var first = producer.Site;
            first.IsDone = true;
            x = levelsOf[site.Operand] = nodes.LinearLevels(InputCodes(first), first.Input.Quantizer.Scale, first.Input.Quantizer.ZeroPoint, first.Weights, first.Bias, producer.Factor, producer.Activation, levels, first.Name);
            Done(first.Name, "linear", "LinearLevels");
        }
        var (residual, target) = ResidualBehind(site.Output);
        var y = nodes.LinearOfLevels(x, levels, site.Weights, site.Bias, residual, site.Name);
        y.Shape = view.Shape(target) ?? y.Shape;
        Take(target, y);
        Done(site.Name, "linear", (residual is null ? "Linear" : "Linear with residual") + (levels.Planes == 1 ? "" : $", {levels.Planes} bytes a level"));
    }

    /// <summary>The value whose shape the float view knows; a dequantized one has that of its source.</summary>
    static Value ViewOf(Value value) => QdqActivation.Match(value)?.Source ?? value;

    /// <summary>Tokens [B, T, N] from patches in rows; then back to the image the Conv returned, unless the model makes tokens of it anyway.</summary>
    void LowerConv(LinearSite site)
    {
        var x = site.Input.Quantizer;
        var tokens = nodes.Linear(InputCodes(site), x.Scale, x.ZeroPoint, site.Weights, site.Bias, null, site.Name);
        Done(site.Name, "patch embedding", "Linear");
        var shape = view.Shape(site.Output);
        // Movement may be quantized on the way by other tools: rounding is pointwise and can wait.
        if (site.Output.OnlyConsumer is { } reshape && reshape.Is("Reshape", "Flatten") && view.Shape(reshape.Output) is { Count: 3 } flat && flat[1].Size == site.Weights.Rows
            && reshape.Output.OnlyConsumer is { } transpose && transpose.Is("Transpose") && transpose.Ints("perm") is [0, 2, 1] && !transpose.Output.IsGraphOutput)
        {
            tokens.Shape = view.Shape(transpose.Output);
            Take(transpose.Output, tokens);
            return;
        }
        var planes = graph.Emit("Transpose", [tokens], $"{site.Name}.planes", ("perm", new long[] { 0, 2, 1 }));
        long[] target = [0, site.Weights.Rows, shape?[2].Size ?? -1, shape?[3].Size ?? -1];
        Value size = target.Count(d => d == -1) < 2 ? graph.AddInitializer($"{site.Name}.image_shape", Tensor.Of(target)) : DynamicImageShape(site);
        var image = graph.Emit("Reshape", [planes, size], $"{site.Name}.image");
        (image.Type, image.Shape) = (ElementType.Float, shape);
        Take(site.Output, image);
    }

    /// <summary>[0, N, H/ph, W/pw] of an image whose size differs from run to run.</summary>
    Value DynamicImageShape(LinearSite site)
    {
        var kernel = site.Node.Input(1)!.Producer!.Input(0)!.Constant!.Shape;
        var sizes = graph.Emit("Shape", [site.Input.Source], $"{site.Name}.image_size");
        var plane = graph.Emit("Gather", [sizes, graph.AddInitializer($"{site.Name}.height_and_width", Tensor.Of([2L, 3L]))], $"{site.Name}.image_plane");
        var patches = graph.Emit("Div", [plane, graph.AddInitializer($"{site.Name}.patch", Tensor.Of([kernel[2], kernel[3]]))], $"{site.Name}.image_patches");
        return graph.Emit("Concat", [graph.AddInitializer($"{site.Name}.batch_and_channels", Tensor.Of([0L, site.Weights.Rows])), patches], $"{site.Name}.image_shape", ("axis", 0L));
    }

    /// <summary>DequantizeLinear of codes that a fused operator computes now reads them there.</summary>
    void RewireReaders()
    {
        foreach (var dequantize in graph.Nodes.Where(n => n.Is("DequantizeLinear")).ToArray())
        {
            if (dequantize.Output.IsUnused || QdqActivation.Match(dequantize.Output) is not { } activation)
                continue;
            var (source, quantizer) = (activation.Source, activation.Quantizer);
            if (!codes.TryGetValue((source, quantizer), out var computed) && norms.ContainsKey(source))
                computed = Codes(source, quantizer);
            // From opset 21 on, ONNX Runtime 1.29 writes output_dtype = int8 on the pairs it moves, makes them uint8, and refuses its own graph.
            // What stays with it is made uint8 here, which it would do anyway.
            if (computed is null && activation.IsSigned)
                computed = Kept(activation);
            if (computed is not null && computed != activation.Quantize.Output)
                Take(dequantize.Output, nodes.Dequantize(computed, quantizer, dequantize.Output.Name));
        }
    }

    /// <summary>A norm whose float output is still read, beside quantized readers or alone.</summary>
    void LowerFloatNorm(Value output, NormSite norm)
    {
        if (output.IsUnused)
            return;
        var y = nodes.LayerNorm(Current(norm.Input), norm.Gamma, norm.Beta, norm.Epsilon, null, $"{norm.Name}.norm");
        y.Shape ??= view.Shape(output);
        Take(output, y);
        Done(norm.Name, "layer norm", "LayerNorm");
    }

    void ReportTheRest()
    {
        graph.RemoveUnused();
        foreach (var node in graph.Nodes.Where(n => n.Is("MatMul", "Gemm", "Conv") && n.Inputs.Any(i => i?.Producer is { } p && p.Is("DequantizeLinear"))))
            if (!operations.Any(o => o.LoweredTo is null && (o.Name == node.Name || o.Name == node.Output.Name)) && !view.Structure.Layers.Any(l => l.Node.Output.Name == node.Output.Name) && !view.Structure.Attentions.Any(a => a.Scores.Output.Name == node.Output.Name || a.Context.Output.Name == node.Output.Name))
                Left(node.Name.Length > 0 ? node.Name : node.Output.Name, node.OpType,
                    view.Structure.Unrecognized.FirstOrDefault(u => u.Name == node.Name || u.Name == node.Output.Name)?.Reason ?? "It is no layer and no attention that is recognised.");
    }
}
