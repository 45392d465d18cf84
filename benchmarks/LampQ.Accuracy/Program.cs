using System.Globalization;
using LampQ.Accuracy;

// accuracy, timing: the two parts of docs/results.md. mixed: docs/results-mixed.md. methods: docs/results-methods.md and its plot. defaults: docs/defaults.md. quantizers: docs/decisions/0017.
// agreement, widths: benchmarks/results/runtime-agreement.md, packed-widths.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["accuracy", var data, var output, .. var limit]:
        ResultsFile.ReplaceAccuracy(output, AccuracyTables.Write(data, Images(limit)));
        return 0;
    case ["mixed", var data, var output, .. var limit]:
        File.WriteAllText(output, MixedTable.Write(data, Images(limit)));
        return 0;
    case ["methods", var data, var output, var finished, var pattern, .. var limit]:
        var done = new FinishedRows(finished);
        MethodStudy.Run(data, done, pattern, Images(limit));
        File.WriteAllText(output, MethodTables.Write(done.Read()));
        File.WriteAllText(Path.ChangeExtension(output, ".svg"), MethodPlot.Write(done.Read()));
        return 0;
    case ["timing", var data, var output, var lampq]:
        ResultsFile.ReplaceTime(output, TimeTables.Write(data, Path.GetFullPath(lampq), repository: Directory.GetCurrentDirectory()));
        return 0;
    case ["defaults", var data, var output, .. var heldOut]:
        File.WriteAllText(output, DefaultsStudy.Write(data, heldOut is [var held] ? int.Parse(held) : 64));
        return 0;
    case ["quantizers", var data, var output, var images, .. var parts]:
        File.WriteAllText(output, QuantizerStudy.Write(data, int.Parse(images), parts));
        return 0;
    case ["agreement", var data, var models, var output, .. var limit]:
        File.WriteAllText(output, RuntimeAgreement.Write(data, models, limit is [var judged] ? int.Parse(judged) : int.MaxValue));
        return 0;
    case ["widths", var data, var output, .. var limit]:
        File.WriteAllText(output, PackedWidths.Write(data, limit is [var compared] ? int.Parse(compared) : int.MaxValue));
        return 0;
    default:
        Console.Error.WriteLine("usage: LampQ.Accuracy accuracy|mixed DATA OUTPUT.md [EVALUATION-IMAGES] | methods DATA OUTPUT.md FINISHED.tsv ROWS [EVALUATION-IMAGES] | timing DATA OUTPUT.md LAMPQ | defaults DATA OUTPUT.md [HELD-OUT-IMAGES]"
            + " | quantizers DATA OUTPUT.md HELD-OUT-IMAGES map|gelu|whole|ablation..."
            + " | agreement DATA MODELS-FOLDER OUTPUT.md [EVALUATION-IMAGES] | widths DATA OUTPUT.md [EVALUATION-IMAGES]");
        return 2;
}

static int Images(string[] limit) => limit is [var images] ? int.Parse(images) : int.MaxValue;
