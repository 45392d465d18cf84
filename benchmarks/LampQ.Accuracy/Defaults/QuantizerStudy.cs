using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>
/// Compares activation quantizers at few bits on held-out calibration images, and looks for where the damage of the paper profile comes from: the tables of docs/decisions/0017.
/// Figures are mean KL(fp32 ‖ quantized) and agreement of the exported model in ONNX Runtime.
/// </summary>
sealed class QuantizerStudy
{
    const int Calibrated = AccuracyTables.CalibrationImages;

    static readonly LayerType[] types = [LayerType.Qkv, LayerType.Proj, LayerType.Fc1, LayerType.Fc2];

    readonly string name;
    readonly SampleSet heldOut;
    readonly Calibration calibration;
    readonly Lazy<TokenWeights> weights;
    readonly ModelOutputs reference;
    readonly RunSettings run = new();
    readonly TextWriter output;

    QuantizerStudy(Subject subject, string data, int judged, TextWriter output)
    {
        (name, this.output) = (subject.Name, output);
        var samples = subject.Calibration(data, Calibrated + judged);
        var calibrated = Unlabelled.Of(samples, 0, Calibrated);
        heldOut = Unlabelled.Of(samples, Calibrated, judged);
        var model = new ConstantFolding().Apply(Model.Read(subject.Path(data)));
        ShapeInference.Infer(model);
        calibration = Calibration.Of(model, calibrated, run);
        weights = new(() => TokenWeights.Measure(calibration.Model, [.. calibration.Structure.Layers.Where(l => !l.Node.Is("Conv"))], calibrated, 0, run));
        using var session = new OnnxSession(model, run.Session);
        reference = ModelOutputs.Of(session, heldOut, run);
    }

    /// <summary>Runs parts of the study and writes their tables.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="judged">Calibration images to judge on, beside those that are calibrated with.</param>
    /// <param name="parts">Of map, gelu, whole, compensated, ablation.</param>
    public static string Write(string data, int judged, IReadOnlyCollection<string> parts)
    {
        var text = new StringWriter();
        foreach (var subject in Subject.All)
        {
            var study = new QuantizerStudy(subject, data, judged, text);
            text.WriteLine("| | | mean KL | agreement |\n|---|---|---|---|");
            if (parts.Contains("map"))
                study.Maps();
            if (parts.Contains("gelu"))
                study.Gelus();
            if (parts.Contains("whole"))
                study.Wholes();
            if (parts.Contains("compensated"))
                study.Compensated();
            if (parts.Contains("ablation"))
                study.Ablation();
        }
        return text.ToString();
    }

    static QuantizationOptions Paper(int bits) => new() { Method = AllocationMethod.Uniform, UniformBits = bits, Profile = QuantizationProfile.Paper };

    /// <summary>The map at 4 bits, Q, K and V at 8, layers float.</summary>
    void Maps()
    {
        var wide = Plan(Paper(8)).Attentions;
        foreach (var map in MapQuantizer.All)
            foreach (var zero in Zeros(map.Name))
            {
                var narrow = Plan(Paper(4) with { MapQuantizer = map, ZeroState = zero }).Attentions;
                Row($"only the map: {map.Name}{Word(map.Name, zero)}", new QuantizationPlan(new Dictionary<string, LayerPlan>(), [.. wide.Zip(narrow, (w, n) => w with { Map = n.Map })]));
            }
    }

    /// <summary>The input of fc2 at 4 bits, its weights and attentions at 8, other layers float.</summary>
    void Gelus()
    {
        var wide = Plan(Paper(8));
        foreach (var gelu in GeluQuantizer.All)
            foreach (var range in (ActivationRange[])[ActivationRange.Mse, ActivationRange.OutputMse])
                foreach (var zero in range == ActivationRange.Mse ? Zeros(gelu.Name) : [ZeroState.LastCode])
                {
                    var narrow = Plan(Paper(4) with { GeluQuantizer = gelu, ZeroState = zero, ActivationRange = range });
                    Row($"only fc2's input: {gelu.Name}, range {range.Name}{Word(gelu.Name, zero)}", wide with
                    {
                        Layers = calibration.Structure.Layers.Where(l => l.Type == LayerType.Fc2).ToDictionary(l => l.Name, l => wide.Layers[l.Name] with { Input = narrow.Layers[l.Name].Input }),
                    });
                }
    }

    /// <summary>Everything at 4 bits.</summary>
    void Wholes()
    {
        foreach (var map in (MapQuantizer[])[MapQuantizer.Uniform, MapQuantizer.AdaLog, MapQuantizer.RowAdaLog])
            foreach (var gelu in GeluQuantizer.All)
                Row($"all at 4 bits: map {map.Name}, behind GELU {gelu.Name}", Plan(Paper(4) with { MapQuantizer = map, GeluQuantizer = gelu }));
    }

    /// <summary>The same, compensated, for uniform codes, the paper's and ours.</summary>
    void Compensated()
    {
        foreach (var (map, gelu) in new[] { (MapQuantizer.Uniform, GeluQuantizer.Uniform), (MapQuantizer.AdaLog, GeluQuantizer.AdaLog), (MapQuantizer.RowAdaLog, GeluQuantizer.Uniform), (MapQuantizer.RowAdaLog, GeluQuantizer.AdaLog) })
            Row($"all at 4 bits: map {map.Name}, behind GELU {gelu.Name}, compensated", Compensate(Plan(Paper(4) with { MapQuantizer = map, GeluQuantizer = gelu })));
    }

    /// <summary>All at 4 bits but one part, which is at 8.</summary>
    void Ablation()
    {
        var chosen = Paper(4) with { MapQuantizer = MapQuantizer.RowAdaLog, GeluQuantizer = GeluQuantizer.AdaLog };
        var (low, high) = (Plan(chosen), Plan(chosen with { UniformBits = 8 }));
        QuantizationPlan Attention(Func<AttentionPlan, AttentionPlan, AttentionPlan> part) => low with { Attentions = [.. low.Attentions.Zip(high.Attentions, part)] };
        QuantizationPlan Layers(LayerType type, Func<LayerPlan, LayerPlan, LayerPlan> part) => low with
        {
            Layers = calibration.Structure.Layers.ToDictionary(l => l.Name, l => l.Type == type ? part(low.Layers[l.Name], high.Layers[l.Name]) : low.Layers[l.Name]),
        };
        Row("ablation: all at 4 bits, map row-adalog, behind GELU adalog", low);
        Row("map at 8", Attention((l, h) => l with { Map = h.Map }));
        Row("Q at 8", Attention((l, h) => l with { Q = h.Q }));
        Row("K at 8", Attention((l, h) => l with { K = h.K }));
        Row("V at 8", Attention((l, h) => l with { V = h.V }));
        Row("Q, K, V and map at 8", low with { Attentions = high.Attentions });
        foreach (var type in types)
            Row($"{type.Word()}'s input at 8", Layers(type, (l, h) => l with { Input = h.Input }));
        foreach (var type in types)
            Row($"{type.Word()}'s weights at 8", Layers(type, (l, h) => l with { Weights = h.Weights }));
    }

    static ZeroState[] Zeros(string name) => name.Contains("adalog") ? Enum.GetValues<ZeroState>() : [ZeroState.LastCode];

    static string Word(string name, ZeroState zero) => name.Contains("log") ? $", zero {zero}" : "";

    QuantizationPlan Plan(QuantizationOptions options)
    {
        using var contexts = options.ChosenMapQuantizer.NeedsContextError ? new ContextErrors(calibration, calibration.Samples.Take(4), run) : null;
        var outputs = options.ActivationRange.NeedsOutputError ? new OutputErrors(calibration, calibration.Samples.Take(8), weights.Value, run) : null;
        var quantizers = new LayerQuantizers(calibration, options, outputs, contexts);
        return quantizers.Plan(calibration.Structure.Layers.ToDictionary(l => l.Name, l => quantizers.FixedBits(l) ?? options.UniformBits));
    }

    QuantizationPlan Compensate(QuantizationPlan plan) => new SequentialCompensation
    {
        Calibration = calibration,
        Samples = calibration.Samples,
        Method = new QuantizationOptions().Compensation,
        Quantizer = new QuantizationOptions().WeightQuantizer,
        Weights = weights.Value,
        Run = run,
    }.Apply(plan);

    void Row(string what, QuantizationPlan plan)
    {
        using var session = new OnnxSession(new PortableExport(plan, WeightContainer.Int8).Apply(calibration.Model), run.Session);
        var outputs = ModelOutputs.Of(session, heldOut, run);
        string row = $"| {name} | {what} | {reference.MeanKl(outputs):F4} | {100 * reference.Agreement(outputs):F1} |";
        output.WriteLine(row);
        Console.WriteLine($"{DateTime.Now:HH:mm:ss} {row}");
    }
}
