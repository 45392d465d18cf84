using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// A plan while it is trained: the <see cref="QuantizedTwin"/> of its model with integers as constants (or as inputs, where their rounding is trained), and with scales of weights, biases, scales of activations below 8 bits, and γ and β of LayerNorms as
/// inputs that have gradients (rounding passes straight through, LSQ; Esser et al. 2020). The plan read back and written is the model that was trained, up to the order of float sums.
/// </summary>
sealed class TrainableTwin
{
    readonly QuantizationPlan start;
    readonly List<TrainableParameter> parameters = [];
    readonly List<RoundingParameter> roundings = [];
    readonly Dictionary<string, (RoundingParameter Rounding, bool IsTransposed)> roundingOf = [];
    readonly float? roundingStart;
    readonly Dictionary<string, TrainableParameter> weightScales = [], biases = [], inputScales = [];
    readonly List<(TrainableParameter Gamma, TrainableParameter? Beta)> norms = [];
    readonly List<(TrainableParameter? Q, TrainableParameter? K, TrainableParameter? V)> attentionScales = [];
    // By the value that a graph reads the scale from: layers that share a quantizer share its nodes, so they share its scale.
    readonly Dictionary<Value, TrainableParameter> activationScales = [];

    /// <summary>Starts at a plan.</summary>
    /// <param name="calibration">The float model of the plan.</param>
    /// <param name="plan">Integers, scales, biases and quantizers to start from.</param>
    /// <param name="roundingStart">Where the rounding of layers below 8 bits is trained too, which part of the way from its integer towards the float weight it starts at; null keeps integers.</param>
    public TrainableTwin(Calibration calibration, QuantizationPlan plan, float? roundingStart = null)
    {
        start = plan;
        this.roundingStart = roundingStart;
        Model = new QuantizedTwin(calibration, plan.Layers.ToDictionary(p => p.Key, p => p.Value.Input), plan.Attentions).Model;
        foreach (var layer in calibration.Structure.Layers.Where(l => plan.Layers.ContainsKey(l.Name)))
        {
            var node = Twin(layer.Node);
            if (ScaleOf(node.Input(1 - layer.WeightIndex)!, layer.Name) is { } scale)
                inputScales[layer.Name] = scale;
            SplitWeight(layer, node, plan.Layers[layer.Name]);
        }
        foreach (var norm in calibration.Structure.Norms)
            norms.Add(Feed(norm));
        foreach (var attention in calibration.Structure.Attentions.Take(plan.Attentions.Count))
        {
            Node scores = Twin(attention.Scores), context = Twin(attention.Context);
            string name = $"attention.{attention.Block}";
            attentionScales.Add((ScaleOf(scores.Input(0)!, name), ScaleOf(scores.Input(1)!, name), ScaleOf(context.Input(1)!, name)));
        }
        Model.Graph.RemoveUnused();
        foreach (var unused in Model.Graph.Inputs.Where(i => i.IsUnused).ToArray())
            Model.Graph.RemoveInput(unused);
        Model.Graph.Sort();
        ShapeInference.Infer(Model);
    }

    /// <summary>The graph.</summary>
    public Model Model { get; }

    /// <summary>What is trained beside rounding.</summary>
    public IReadOnlyList<TrainableParameter> Parameters => parameters;

    /// <summary>How integers are rounded, where that is trained.</summary>
    public IReadOnlyList<RoundingParameter> Roundings => roundings;

    /// <summary>What the inputs hold now, integers rounded.</summary>
    public Dictionary<string, Tensor> Feed() => Feed(parameters, roundings);

    /// <summary>What the inputs held of late (<see cref="TrainableParameter.Average"/>), integers rounded.</summary>
    public Dictionary<string, Tensor> FeedAverages() => Feed(parameters.Select(p => (p.Input, p.AverageTensor)), roundings);

    /// <summary>What some of the inputs hold now.</summary>
    public static Dictionary<string, Tensor> Feed(IEnumerable<TrainableParameter> parameters, IEnumerable<RoundingParameter> roundings) =>
        Feed(parameters.Select(p => (p.Input, p.Tensor)), roundings);

    static Dictionary<string, Tensor> Feed(IEnumerable<(string Input, Tensor Tensor)> parameters, IEnumerable<RoundingParameter> roundings) =>
        parameters.Concat(roundings.Select(r => (r.Input, Tensor: r.Hard()))).ToDictionary(p => p.Input, p => p.Tensor);

    /// <summary>The plan as it is now: what was trained, and all else as it started.</summary>
    public QuantizationPlan Plan() => new(
        start.Layers.ToDictionary(p => p.Key, p => weightScales.TryGetValue(p.Key, out var scales)
            ? p.Value with
            {
                Weights = p.Value.Weights with { Scales = [.. scales.Values], Codes = Codes(p.Key, p.Value.Weights) },
                Bias = biases.TryGetValue(p.Key, out var bias) ? [.. bias.Values] : p.Value.Bias,
                Input = p.Value.Input is AffineQuantizer uniform ? With(uniform, inputScales.GetValueOrDefault(p.Key)) : p.Value.Input,
            }
            : p.Value),
        [.. start.Attentions.Zip(attentionScales, (a, s) => a with { Q = With(a.Q, s.Q), K = With(a.K, s.K), V = With(a.V, s.V) })])
    {
        Norms = [.. norms.Select(n => new NormPlan([.. n.Gamma.Values], n.Beta is { } beta ? [.. beta.Values] : null))],
    };

    sbyte[] Codes(string layer, QuantizedWeights start)
    {
        if (!roundingOf.TryGetValue(layer, out var trained))
            return start.Codes;
        float[] steps = trained.Rounding.Steps();
        if (trained.IsTransposed)
            steps = LinearWeights.Transpose(steps, start.Columns, start.Rows);
        return [.. steps.Select((step, i) => (sbyte)(step + (start.ZeroPoints?[i / start.Columns] ?? 0)))];
    }

    static AffineQuantizer With(AffineQuantizer quantizer, TrainableParameter? scale) => scale is null ? quantizer : quantizer with { Scale = scale.Values[0] };

    Node Twin(Node node) => Model.Graph.Find(node.Output.Name)!.Producer!;

    /// <summary>ŵ = s·(q − z) with zero points z constant, and codes q too where their rounding is not trained. Behind a MatMul the product x·qᵀ takes the scales: their gradients then need no product of the size of the weight.</summary>
    void SplitWeight(QuantizableLayer layer, Node node, LayerPlan plan)
    {
        var graph = Model.Graph;
        int rows = layer.OutputChannels, columns = layer.InputChannels;
        float[] codes = plan.Weights.Steps();
        long[] stored = [.. layer.WeightTensor.Shape];
        float[] Stored(float[] values) => layer.IsRowPerOutput ? values : LinearWeights.Transpose(values, rows, columns);
        Value integers;
        if (roundingStart is { } share && plan.Weights.Bits < 8)
        {
            integers = graph.AddInput($"{layer.Name}:codes", ElementType.Float, [.. stored.Select(d => new Dimension(d))]);
            float[] Fractions() => Stored(RoundingParameter.Neighbours(plan.Weights, layer.ReadWeight()).Fractions);
            var rounding = new RoundingParameter(integers.Name, stored, Stored(codes), Stored(RoundingParameter.Neighbours(plan.Weights, layer.ReadWeight()).Below), Fractions, share);
            roundings.Add(rounding);
            roundingOf[layer.Name] = (rounding, !layer.IsRowPerOutput);
        }
        else
            integers = graph.AddInitializer($"{layer.Name}.codes", Tensor.Of(Stored(codes), stored));
        bool isBehind = node.Is("MatMul") && layer.WeightIndex == 1 && !node.Output.IsGraphOutput;
        long[] shape = isBehind ? [rows] : layer.IsRowPerOutput ? [rows, .. stored.Skip(1).Select(_ => 1L)] : layer.WeightIndex == 0 ? [rows, 1] : [1, rows];
        string name = $"{layer.Name}:weight_scale";
        var scale = graph.AddInput(name, ElementType.Float, [.. shape.Select(d => new Dimension(d))]);
        if (isBehind)
        {
            node.SetInput(layer.WeightIndex, integers);
            var product = node.Output;
            var scaled = graph.Emit("Mul", [product, scale], $"{layer.Name}.scaled");
            (scaled.Type, scaled.Shape) = (product.Type, product.Shape);
            graph.ReplaceUses(product, scaled, except: scaled.Producer);
        }
        else
        {
            var weight = graph.Emit("Mul", [integers, scale], $"{layer.Name}.weight");
            (weight.Type, weight.Shape) = (ElementType.Float, [.. stored.Select(d => new Dimension(d))]);
            node.SetInput(layer.WeightIndex, weight);
        }
        weightScales[layer.Name] = Add(new TrainableParameter(name, ParameterKind.WeightScale, shape, plan.Weights.Scales, null));
        if (LinearWeights.CurrentBias(layer) is null)
            return;
        float[] norms = [.. Enumerable.Range(0, rows).Select(n => plan.Weights.Scales[n] * MathF.Sqrt(codes.AsSpan(n * columns, columns).ToArray().Sum(c => c * c)))];
        biases[layer.Name] = Add(new TrainableParameter(QuantizedTwin.BiasName(layer), ParameterKind.Bias, [rows], plan.Bias ?? layer.ReadBias(), norms));
    }

    (TrainableParameter Gamma, TrainableParameter? Beta) Feed(LayerNorm norm)
    {
        float[] gamma = norm.Gamma.Constant!.ToFloats();
        return (Feed(norm.GammaUse, norm.Gamma, $"{norm.Output.Name}:gamma", ParameterKind.NormScale, gamma, null),
            norm.BetaUse is { } use ? Feed(use, norm.Beta!, $"{norm.Output.Name}:beta", ParameterKind.NormOffset, norm.Beta!.Constant!.ToFloats(), [.. gamma.Select(Math.Abs)]) : null);
    }

    TrainableParameter Feed(Use use, Value constant, string name, ParameterKind kind, float[] start, float[]? units)
    {
        long[] shape = [.. constant.Constant!.Shape];
        var input = Model.Graph.AddInput(name, ElementType.Float, [.. shape.Select(d => new Dimension(d))]);
        Twin(use.Node).SetInput(use.Index, input);
        return Add(new TrainableParameter(name, kind, shape, start, units));
    }

    TrainableParameter? ScaleOf(Value operand, string name)
    {
        if (operand.Producer is { } shared && shared.Is("DequantizeLinear") && activationScales.TryGetValue(shared.Input(1)!, out var known))
            return known;
        // Other quantizers than uniform ones are left as they are, and so are 8-bit ones: their steps are so fine that a scale has nothing to gain, and training moved them by noise.
        if (QdqActivation.Match(operand) is not { Quantizer.Bits: < 8 } match)
            return null;
        var graph = Model.Graph;
        var input = graph.AddInput(graph.NewName($"{name}:input_scale"), ElementType.Float, []);
        if (match.Quantize.Input(0)!.Producer is { } clip && clip.Is("Clip"))
        {
            clip.SetInput(1, Limit(match.Quantizer.Low));
            clip.SetInput(2, Limit(match.Quantizer.High));
        }
        match.Quantize.SetInput(1, input);
        operand.Producer!.SetInput(1, input);
        return activationScales[input] = Add(new TrainableParameter(input.Name, ParameterKind.ActivationScale, [], [match.Quantizer.Scale], null));

        Value Limit(int code)
        {
            var limit = graph.Emit("Mul", [input, graph.AddInitializer("code", Tensor.Scalar((float)(code - match.Quantizer.ZeroPoint)))]);
            (limit.Type, limit.Shape) = (ElementType.Float, []);
            return limit;
        }
    }

    TrainableParameter Add(TrainableParameter parameter)
    {
        parameters.Add(parameter);
        return parameter;
    }
}
