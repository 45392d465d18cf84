using System.CommandLine;
using LampQ.Cli;
using LampQ.Quantization;

namespace LampQ.ModelBuilder;

/// <summary><c>lampq mlnet --mbconfig X.mbconfig --model VIT.onnx</c>: its options; <see cref="MLNetRun"/> does the work.</summary>
sealed class MLNetCommand
{
    static readonly QuantizationOptions defaults = new();

    readonly Option<string> project = new("--mbconfig") { HelpName = "X.mbconfig", Required = true, Description = "The Model Builder project: image classification, data in a folder." };
    readonly Option<string> model = new("--model") { HelpName = "VIT.onnx", Required = true, Description = "The float model, trained on the project's classes." };
    readonly Option<string?> labels = new("--labels") { HelpName = "FILE", Description = "Class names, one a line. Default: the names of the folders, sorted." };
    readonly Option<string?> output = new("--output", "-o") { HelpName = "FOLDER", Description = "Where the files are written. Default: beside the .mbconfig." };
    readonly Option<int?> images = OptionParsing.Optional<int?>("--images", "N", "Calibration images, drawn from the data by --seed. Default: as many as 'lampq quantize' takes.", text => OptionParsing.Whole(1)(text));
    readonly WidthOptions widths = new();
    readonly ChoiceOption<Recipe> method = MethodOption.Create();
    readonly Option<int> sensitivityImages = OptionParsing.WithDefault("--sensitivity-images", "N", "How many of the images sensitivity is measured on.", defaults.SensitivityImages, OptionParsing.Whole(1));
    readonly Option<int> refinementSteps = OptionParsing.WithDefault("--refinement-steps", "N", "Most pairs of layers that refinement may try; 0 turns it off.", defaults.RefinementSteps, OptionParsing.Whole(0));
    readonly Option<int> seed = OptionParsing.WithDefault("--seed", "N", "Seed of everything that is drawn.", defaults.Seed, OptionParsing.Whole(0));
    readonly Option<int> threads = CommonOptions.Threads();
    readonly ChoiceOption<ReportFormat> format = CommonOptions.Format();
    readonly PreprocessingOptions preprocessing = new();

    /// <summary>As <see cref="CommandLine.Run(string[], TextWriter, TextWriter, CancellationToken)"/>.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter error, CancellationToken cancellation = default) => CommandLine.Run(Root, args, output, error, cancellation);

    static RootCommand Root(Terminal terminal)
    {
        var mlnet = new MLNetCommand();
        var root = new RootCommand("lampq mlnet: quantizes a ViT for a Model Builder project, and writes X.mlnet, X.consumption.cs and X.training.cs.")
        {
            mlnet.project, mlnet.model, mlnet.labels, mlnet.output, mlnet.images, mlnet.widths.Target, mlnet.method, mlnet.widths.Uniform, mlnet.sensitivityImages, mlnet.refinementSteps, mlnet.seed,
        };
        mlnet.preprocessing.AddTo(root);
        root.Options.Add(mlnet.threads);
        root.Options.Add(mlnet.format);
        root.SetAction(parsed => new MLNetRun(mlnet.Read(parsed, terminal), terminal).Run());
        return root;
    }

    MLNetRequest Read(ParseResult parsed, Terminal terminal)
    {
        var recipe = method.ValueIn(parsed);
        if (widths.NoteIn(parsed, recipe, recipe.IsMixed) is { } note)
            terminal.Note(note);
        string? folder = parsed.GetValue(output);
        if (folder is not null && !Directory.Exists(folder))
            throw CommandError.Usage($"--output is '{folder}', which is no folder; expected one that exists.");
        string projectPath = parsed.GetRequiredValue(project);
        return new MLNetRequest
        {
            Project = projectPath,
            Model = parsed.GetRequiredValue(model),
            Labels = parsed.GetValue(labels),
            Output = folder ?? Path.GetDirectoryName(Path.GetFullPath(projectPath))!,
            Images = parsed.GetValue(images) ?? recipe.SamplesFor(defaults.Effort),
            Threads = parsed.GetValue(threads),
            Preprocessing = preprocessing.Read(parsed),
            Format = format.ValueIn(parsed),
            Options = OptionsOf(parsed, recipe),
        };
    }

    QuantizationOptions OptionsOf(ParseResult parsed, Recipe recipe)
    {
        var options = recipe.Options(widths.BitsIn(parsed, recipe, recipe.IsMixed));
        return options with
        {
            SensitivityImages = parsed.IsGiven(sensitivityImages) ? parsed.GetValue(sensitivityImages) : options.SensitivityImages,
            RefinementSteps = parsed.IsGiven(refinementSteps) ? parsed.GetValue(refinementSteps) : options.RefinementSteps,
            Seed = parsed.GetValue(seed),
        };
    }
}

/// <summary>What <c>lampq mlnet</c> was asked to do; every option is checked.</summary>
sealed record MLNetRequest
{
    public required string Project { get; init; }
    public required string Model { get; init; }
    public required string? Labels { get; init; }
    public required string Output { get; init; }
    public required int Images { get; init; }
    public required int Threads { get; init; }
    public required PreprocessingChoice Preprocessing { get; init; }
    public required ReportFormat Format { get; init; }
    public required QuantizationOptions Options { get; init; }
}
