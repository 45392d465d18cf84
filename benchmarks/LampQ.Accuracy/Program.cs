using System.Globalization;
using LampQ.Accuracy;

// results: docs/results.md, two ImageNet ViTs on the whole evaluation set, and what a run costs; each part can be written alone.
// defaults: docs/defaults.md, what the defaults were picked by, on calibration images alone.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["defaults", var data, var output, ..])
{
    using var text = new StringWriter();
    DefaultsStudy.Run(Subject.All, data, heldOut: args.Length > 3 ? int.Parse(args[3]) : 64, text);
    File.WriteAllText(output, text.ToString());
    return 0;
}
Console.Error.WriteLine("usage: LampQ.Accuracy defaults DATA-FOLDER OUTPUT.md [HELD-OUT-IMAGES]");
return 2;
