using System.CommandLine;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary>Options that mean the same in several commands.</summary>
static class CommonOptions
{
    /// <summary>How the report is written.</summary>
    public static ChoiceOption<ReportFormat> Format() => new("--format", "How the report on stdout is written.", "text", [("text", ReportFormat.Text), ("json", ReportFormat.Json)]);

    /// <summary>Threads of ONNX Runtime.</summary>
    public static Option<int> Threads() => OptionParsing.WithDefault("--threads", "N", "Threads that ONNX Runtime uses; 0 takes one a core.", 0, OptionParsing.Whole(0, 1024));

    /// <summary>Images run at once.</summary>
    public static Option<int> Batch() => OptionParsing.WithDefault("--batch", "N", "Images run at once; a model whose batch is fixed has its own number.", new RunSettings().BatchSize, OptionParsing.Whole(1, 65_536));

    /// <summary>The file of a model, as the first thing after the command.</summary>
    public static Argument<string> Model() => new("MODEL") { Description = "The .onnx file; external data are read from its folder." };

    /// <summary>How models are run, given what the model says about its batch.</summary>
    public static RunSettings Run(int threads, int batch, ClassifierModel model) => new()
    {
        BatchSize = model.FixedBatch ?? batch,
        FillLastBatch = model.FixedBatch > 1,
        Session = new OnnxSessionOptions { Threads = threads },
    };

    /// <summary>How many threads a number of threads means.</summary>
    public static int ThreadsUsed(int threads) => threads == 0 ? Environment.ProcessorCount : threads;
}
