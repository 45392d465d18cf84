using System.CommandLine;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary><c>lampq quantize MODEL -o OUT.onnx --data PATH</c>: its options; <see cref="QuantizeRun"/> does the work.</summary>
sealed class QuantizeCommand
{
    static readonly QuantizationOptions defaults = new();

    readonly Argument<string> model = CommonOptions.Model();
    readonly Option<string> output = new("--output", "-o") { HelpName = "OUT.onnx", Required = true, Description = "The file to write; an existing one is replaced only when everything went well." };
    readonly Option<string> data = new("--data") { HelpName = "PATH", Description = "Calibration images: a folder, a labels.tsv (file, tab, class), or .npy arrays." };
    readonly Option<bool> synthetic = new("--synthetic") { Description = "Calibrates on random numbers instead of --data. Only for trying things out." };
    readonly ChoiceOption<QuantizationEffort> effort = new("--effort", "How much time may be spent.", "fast",
        [("fast", QuantizationEffort.Fast), ("balanced", QuantizationEffort.Balanced), ("best", QuantizationEffort.Best)]);
    readonly Option<int?> images = OptionParsing.Optional<int?>("--images", "N",
        $"Calibration images, drawn from the data by --seed. Default by effort: {string.Join(", ", Enum.GetValues<QuantizationEffort>().Select(QuantizationOptions.ImagesFor))}.", text => OptionParsing.Whole(1)(text));
    readonly Option<BitWidths> bits = OptionParsing.WithDefault("--bits", "LIST", "Widths a layer may get: 2-8, or 2,4,8.", new BitWidths(defaults.Bits), BitWidths.Parse);
    readonly WidthOptions widths = new();
    readonly Option<long?> maxSize = OptionParsing.Optional<long?>("--max-size", "SIZE", "The budget as the size of the written file instead: 3000000, 3MB, 3MiB. Implies --container int4.", text => SizeText.Parse(text));
    readonly ChoiceOption<AllocationRule> rule = new("--allocation", "How widths are chosen from the sensitivities.", defaults.Rule.Name, [.. AllocationRule.All.Select(r => (r.Name, r))]);
    readonly Option<long?> maxBops = OptionParsing.Optional<long?>("--max-bops", "N", "A further budget: bit operations of all quantized layers for one image, such as 40G.", text => ParseOperations(text));
    readonly Option<double?> maxLatency = OptionParsing.Optional<double?>("--max-latency", "MS", "A further budget: milliseconds of one run on LampQ's kernels of this CPU, as predicted from measured layers.", text => ParseMilliseconds(text));
    readonly ChoiceOption<QuantizationProfile> profile = new("--profile", "cpu narrows weights and keeps activations at 8 bits; paper gives each layer's input the layer's width too. Default: cpu, paper for published methods.", "cpu",
        [("cpu", QuantizationProfile.Cpu), ("paper", QuantizationProfile.Paper)]);
    readonly ChoiceOption<Recipe> method = MethodOption.Create();
    readonly ChoiceOption<WeightContainer> container = new("--container", "int8 is fast in every ONNX Runtime; int4 is small, but stock ONNX Runtime multiplies it in float.", "int8",
        [("int8", WeightContainer.Int8), ("int4", WeightContainer.Int4)]);
    readonly Option<int?> attentionBits = OptionParsing.Optional<int?>("--attention-bits", "2..8", "Width of Q, K, V and the attention map. Default: 8 in the cpu profile, the target width in the paper profile.", text => OptionParsing.Whole(2, 8)(text));
    readonly ChoiceOption<MapQuantizer?> map = new("--map-quantizer", "How the attention map is coded; ONNX Runtime multiplies integers with uniform codes only, LampQ's kernels with all.", "by-profile",
        [("by-profile", null), .. MapQuantizer.All.Select(q => (q.Name, (MapQuantizer?)q))]);
    readonly ChoiceOption<GeluQuantizer?> gelu = new("--gelu-quantizer", "How the input of fc2 is coded; ONNX Runtime multiplies integers with uniform codes only, LampQ's kernels with all.", "by-profile",
        [("by-profile", null), .. GeluQuantizer.All.Select(q => (q.Name, (GeluQuantizer?)q))]);
    readonly ChoiceOption<ZeroState> zeroState = new("--zero-state", "What logarithmic codes make of the smallest values: the last code is 0, no code is, or (as in the papers' simulations) one state more is.", "last-code",
        [("last-code", ZeroState.LastCode), ("none", ZeroState.None), ("extra", ZeroState.Extra)]);
    readonly Option<FixedBits[]> bitsFor = new("--bits-for")
    {
        HelpName = "NAME_OR_TYPE=BITS",
        Description = "Fixes the width of a layer, or of every layer of a type; may be repeated. Default: patch-embedding=8, head=8.",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result =>
        {
            try
            {
                return [.. result.Tokens.Select(t => FixedBits.Parse(t.Value))];
            }
            catch (FormatException e)
            {
                result.AddError($"--bits-for {e.Message}.");
                return [];
            }
        },
    };
    readonly ChoiceOption<SensitivityMetric> metric = new("--metric", "How the sensitivity of a layer is measured.", defaults.Metric.Name, [.. SensitivityMetric.All.Select(m => (m.Name, m))]);
    readonly ChoiceOption<EquivalentTransformation?> normTransformation = new("--norm-transformation", "What moves between LayerNorms and the layers behind them first.",
        defaults.NormTransformation!.Name, [.. EquivalentTransformation.OfNorms.Select(t => (t.Name, (EquivalentTransformation?)t)), ("none", null)]);
    readonly ChoiceOption<EquivalentTransformation?> scoreTransformation = new("--score-transformation", "What becomes of Q and K first: heads are turned so that no channel towers above the others, and scaled, or only scaled. by-width turns them below 8 bits.",
        "by-width", [("by-width", null), .. EquivalentTransformation.OfScores.Select(t => (t.Name, (EquivalentTransformation?)t))]);
    readonly ChoiceOption<EquivalentTransformation?> valueTransformation = new("--value-transformation", "What moves between V and the projection behind attention first: a scale and an offset a channel, or a scale a head. by-width takes the former below 8 bits.",
        "by-width", [("by-width", null), .. EquivalentTransformation.OfValues.Select(t => (t.Name, (EquivalentTransformation?)t))]);
    readonly Option<int> fisherLayers = OptionParsing.WithDefault("--fisher-layers", "N", "Layers of each type that type-aware-fisher measures damage on.", defaults.Fisher.Mu, OptionParsing.Whole(1));
    readonly Option<int> fisherBits = OptionParsing.WithDefault("--fisher-bits", "2..8", "Width that type-aware-fisher measures damage at.", defaults.Fisher.Beta, OptionParsing.Whole(2, 8));
    readonly Option<double?> fisherGamma = OptionParsing.Optional<double?>("--fisher-gamma", "G", "Factor by which type-aware-fisher lets damage fall with each bit. Default: LampQ's Lemma 3.", text => ParseGamma(text));
    readonly Option<int> fisherDraws = OptionParsing.WithDefault("--fisher-draws", "N", "Classes that fisher-damage draws for each image.", defaults.Fisher.Draws, OptionParsing.Whole(1));
    readonly Option<int> probes = OptionParsing.WithDefault("--probes", "N", "Random directions that fisher-perturbation moves each layer in; hessian-trace takes eight times as many.", defaults.Fisher.Probes, OptionParsing.Whole(1));
    readonly Option<int> sensitivityImages = OptionParsing.WithDefault("--sensitivity-images", "N", "How many of the images sensitivity is measured on.", defaults.SensitivityImages, OptionParsing.Whole(1));
    readonly Option<int> refinementSteps = OptionParsing.WithDefault("--refinement-steps", "N", "Most pairs of layers that refinement may try; 0 turns it off.", defaults.RefinementSteps, OptionParsing.Whole(0));
    readonly ChoiceOption<ErrorCompensation> compensate = new("--compensate", "How rounding errors make up for each other, and for what was quantized before the layer.", defaults.Compensation.Name,
        [.. ErrorCompensation.All.Select(c => (c.Name, c))]);
    readonly ChoiceOption<Reconstruction?> reconstruct = new("--reconstruct", "How the compensated model is trained; block trains how weights are rounded, block by block; by-effort trains end-to-end with --effort best, and shortly with balanced where inputs have 4 bits at most.", "by-effort",
        [("by-effort", null), .. Reconstruction.All.Select(r => (r.Name, (Reconstruction?)r))]);
    readonly Option<int?> reconstructionSteps = OptionParsing.Optional<int?>("--reconstruction-steps", "N",
        $"Most steps of training. Default: {Reconstruction.EndToEnd.DefaultSteps} ({QuantizationOptions.StepsOfBalanced} where balanced trains), or {Reconstruction.Block.DefaultSteps} a block.", text => OptionParsing.Whole(1)(text));
    readonly Option<string?> resume = new("--resume") { HelpName = "FILE", Description = "Keeps where training stands in this file, and goes on from it where it exists; it is removed at the end." };
    readonly ChoiceOption<ActivationRange> ranges = new("--activation-range", "How the clipping range of what goes into a layer is chosen.", defaults.ActivationRange.Name, [.. ActivationRange.All.Select(r => (r.Name, r))]);
    readonly ChoiceOption<WeightQuantizer> scales = new("--weight-scale", "How the scale of a row of weights is chosen.", defaults.WeightQuantizer.Name, [.. WeightQuantizer.All.Select(q => (q.Name, q))]);
    readonly Option<int> seed = OptionParsing.WithDefault("--seed", "N", "Seed of everything that is drawn.", defaults.Seed, OptionParsing.Whole(0));
    readonly ChoiceOption<ExportFormat> export = new("--export", "portable is standard QDQ, which every ONNX Runtime runs; packed has bit-packed weights for LampQ's kernels.", "portable",
        [("portable", ExportFormat.Portable), ("packed", ExportFormat.Packed)]);
    readonly Option<int> threads = CommonOptions.Threads();
    readonly Option<int> batch = CommonOptions.Batch();
    readonly ChoiceOption<ReportFormat> format = CommonOptions.Format();
    readonly PreprocessingOptions preprocessing = new();

    public static Command Create(Terminal terminal)
    {
        var quantize = new QuantizeCommand();
        var command = new Command("quantize", "Writes a mixed-precision QDQ model, and says what it costs in accuracy, bytes and milliseconds.") { quantize.model };
        foreach (Option option in new Option[] { quantize.output, quantize.data, quantize.synthetic, quantize.effort, quantize.images, quantize.bits, quantize.widths.Target, quantize.maxSize, quantize.maxBops, quantize.maxLatency, quantize.rule, quantize.profile, quantize.method,
            quantize.widths.Uniform, quantize.container, quantize.export, quantize.attentionBits, quantize.map, quantize.gelu, quantize.zeroState, quantize.bitsFor, quantize.normTransformation, quantize.scoreTransformation, quantize.valueTransformation, quantize.metric,
            quantize.fisherLayers, quantize.fisherBits, quantize.fisherGamma, quantize.fisherDraws, quantize.probes, quantize.sensitivityImages, quantize.refinementSteps,
            quantize.compensate, quantize.reconstruct, quantize.reconstructionSteps, quantize.resume, quantize.ranges, quantize.scales, quantize.seed })
            command.Options.Add(option);
        quantize.preprocessing.AddTo(command);
        foreach (Option option in new Option[] { quantize.batch, quantize.threads, quantize.format })
            command.Options.Add(option);
        command.SetAction(parsed => new QuantizeRun(quantize.Read(parsed), terminal).Run());
        return command;
    }

    QuantizeRequest Read(ParseResult parsed)
    {
        var notes = new List<string>();
        string? path = parsed.GetValue(data);
        bool isSynthetic = parsed.GetValue(synthetic);
        if (path is null && !isSynthetic)
            throw CommandError.Usage("--data is missing; expected a folder of images, a labels.tsv or .npy arrays like those the model will see. (--synthetic calibrates on random numbers, only for trying things out.)");
        if (path is not null && isSynthetic)
            throw CommandError.Usage("--data and --synthetic are both given; expected one of them.");
        if (parsed.IsGiven(widths.Target) && parsed.IsGiven(maxSize))
            throw CommandError.Usage("--target-bits and --max-size are both given; expected one budget.");
        long? size = parsed.GetValue(maxSize);
        if (size is not null && parsed.IsGiven(container) && container.ValueIn(parsed) != WeightContainer.Int4)
            throw CommandError.Usage($"--max-size implies --container int4, but --container is {parsed.GetValue(container)}. Leave one of them out.");
        var recipe = method.ValueIn(parsed);
        var allocation = Allocation(parsed, recipe);
        foreach (var option in new Option[] { fisherLayers, fisherBits, fisherGamma })
            RefuseWithout([SensitivityMetric.TypeAwareFisher], option, parsed, recipe, allocation);
        RefuseWithout([SensitivityMetric.FisherDamage], fisherDraws, parsed, recipe, allocation);
        RefuseWithout([SensitivityMetric.FisherPerturbation, SensitivityMetric.HessianTrace], probes, parsed, recipe, allocation);
        if (widths.NoteIn(parsed, recipe, allocation != AllocationMethod.Uniform) is { } note)
            notes.Add(note);
        if (allocation == AllocationMethod.Uniform)
        {
            if (new Option[] { maxBops, maxLatency }.FirstOrDefault(parsed.IsGiven) is { } budget)
                throw CommandError.Usage($"{budget.Name} chooses widths, and --method {recipe.Name} gives every layer the same. Leave one of them out.");
            if (size is not null)
                notes.Add($"--method {recipe.Name} gives every layer the same width; --max-size has no effect.");
            size = null;
        }

        string modelPath = parsed.GetRequiredValue(model), outputPath = parsed.GetRequiredValue(output);
        var choice = preprocessing.Read(parsed);
        OutputFile.Check(outputPath, modelPath);
        var fixedBits = parsed.GetValue(bitsFor) ?? [];
        var request = new QuantizeRequest
        {
            Model = modelPath,
            Output = outputPath,
            Data = path,
            Images = parsed.GetValue(images) ?? recipe.SamplesFor(effort.ValueIn(parsed)),
            Preprocessing = choice,
            TargetBits = parsed.GetValue(widths.Target),
            MaxSize = size,
            BitsFor = fixedBits,
            Threads = parsed.GetValue(threads),
            Batch = parsed.GetValue(batch),
            Format = format.ValueIn(parsed),
            Notes = notes,
            Options = OptionsOf(parsed, recipe, allocation, size, fixedBits),
        };
        request.Options.Validate();
        if (parsed.GetValue(resume) is { } resumePath)
        {
            if (request.Options.ChosenReconstruction == Reconstruction.None)
                throw CommandError.Usage("--resume is for training, and nothing is trained. Add --reconstruct block or end-to-end, or --effort best; or leave it out.");
            OutputFile.Check(resumePath, modelPath, "--resume");
        }
        return request;
    }

    /// <summary>Whether layers get different widths: as the recipe says, and where a metric or rule is named for one of published quantizers.</summary>
    AllocationMethod Allocation(ParseResult parsed, Recipe recipe)
    {
        if (recipe.IsMixed)
            return AllocationMethod.LampQ;
        Option[] given = [.. new Option[] { rule, metric }.Where(parsed.IsGiven)];
        if (given.Length == 0)
            return AllocationMethod.Uniform;
        if (recipe == Recipe.Uniform)
            throw CommandError.Usage($"{given[0].Name} chooses widths, and --method uniform gives every layer the same. Leave one of them out.");
        return AllocationMethod.LampQ;
    }

    /// <summary>The recipe, and what the user gave in place of its parts.</summary>
    QuantizationOptions OptionsOf(ParseResult parsed, Recipe recipe, AllocationMethod allocation, long? size, FixedBits[] fixedBits)
    {
        QuantizationProfile? wanted = parsed.IsGiven(profile) ? profile.ValueIn(parsed) : null;
        double target = widths.BitsIn(parsed, recipe, allocation != AllocationMethod.Uniform);
        // A recipe of one width that is to mix them takes the rest for the whole part of the average.
        var options = recipe.Options(recipe.IsMixed ? target : Math.Clamp(Math.Floor(target), 2, 8), wanted) with { Method = allocation, TargetBits = target };
        T Or<T>(Option option, Func<T> given, T own) => parsed.IsGiven(option) ? given() : own;
        var merged = new Dictionary<string, int>(options.BitsFor);
        foreach (var one in fixedBits)
            merged[one.Target] = one.Bits;
        return options with
        {
            Bits = Or(bits, () => parsed.GetRequiredValue(bits).Bits, options.Bits),
            MaxSizeInBytes = size is { } bytes ? Math.Max(1, bytes) : null,
            MaxBitOperations = parsed.GetValue(maxBops),
            MaxLatencyInMilliseconds = parsed.GetValue(maxLatency),
            Rule = Or(rule, () => rule.ValueIn(parsed), options.Rule),
            AttentionBits = parsed.GetValue(attentionBits) ?? options.AttentionBits,
            MapQuantizer = Or(map, () => map.ValueIn(parsed), options.MapQuantizer),
            GeluQuantizer = Or(gelu, () => gelu.ValueIn(parsed), options.GeluQuantizer),
            ZeroState = zeroState.ValueIn(parsed),
            Container = size is null ? container.ValueIn(parsed) : WeightContainer.Int4,
            Export = export.ValueIn(parsed),
            BitsFor = merged,
            NormTransformation = Or(normTransformation, () => normTransformation.ValueIn(parsed), options.NormTransformation),
            ScoreTransformation = Or(scoreTransformation, () => scoreTransformation.ValueIn(parsed), options.ScoreTransformation),
            ValueTransformation = Or(valueTransformation, () => valueTransformation.ValueIn(parsed), options.ValueTransformation),
            Metric = Or(metric, () => metric.ValueIn(parsed), options.Metric),
            Fisher = new FisherOptions
            {
                Mu = parsed.GetValue(fisherLayers),
                Beta = parsed.GetValue(fisherBits),
                Gamma = parsed.GetValue(fisherGamma),
                Draws = parsed.GetValue(fisherDraws),
                Probes = parsed.GetValue(probes),
            },
            SensitivityImages = Or(sensitivityImages, () => parsed.GetValue(sensitivityImages), options.SensitivityImages),
            RefinementSteps = Or(refinementSteps, () => parsed.GetValue(refinementSteps), options.RefinementSteps),
            Effort = effort.ValueIn(parsed),
            Compensation = Or(compensate, () => compensate.ValueIn(parsed), options.Compensation),
            Reconstruction = Or(reconstruct, () => reconstruct.ValueIn(parsed), options.Reconstruction),
            Training = options.Training with { Steps = parsed.GetValue(reconstructionSteps), ResumeFile = parsed.GetValue(resume) },
            ActivationRange = Or(ranges, () => ranges.ValueIn(parsed), options.ActivationRange),
            WeightQuantizer = Or(scales, () => scales.ValueIn(parsed), options.WeightQuantizer),
            Seed = parsed.GetValue(seed),
        };
    }

    void RefuseWithout(SensitivityMetric[] needed, Option option, ParseResult parsed, Recipe recipe, AllocationMethod allocation)
    {
        if (!parsed.IsGiven(option))
            return;
        string names = string.Join(" or ", needed.Select(m => m.Name));
        if (allocation == AllocationMethod.Uniform)
            throw CommandError.Usage($"{option.Name} belongs to --metric {names}, and --method {recipe.Name} measures no sensitivity. Leave one of them out.");
        var measured = parsed.IsGiven(metric) ? metric.ValueIn(parsed) : recipe.Options().Metric;
        if (!needed.Contains(measured))
            throw CommandError.Usage($"{option.Name} belongs to --metric {names}, but the metric is {measured.Name}. Leave the option out, or choose that metric.");
    }

    static double ParseMilliseconds(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value)
            ? value
            : throw new FormatException($"is '{text}'; expected milliseconds above 0, such as 2.5");

    static long ParseOperations(string text)
    {
        int power = text.Length == 0 ? 0 : "KMGT".IndexOf(char.ToUpperInvariant(text[^1])) + 1;
        string number = power == 0 ? text : text[..^1];
        decimal factor = (decimal)Math.Pow(1000, power);
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value) && value < 1e15m && value * factor is >= 1 and < 1e15m
            ? (long)(value * factor)
            : throw new FormatException($"is '{text}'; expected bit operations such as 40G (40 · 10⁹), 40000M or 40000000000");
    }

    static double ParseGamma(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 1 && double.IsFinite(value)
            ? value
            : throw new FormatException($"is '{text}'; expected a number above 1, such as 4");
}
