using LampQ.Demo;

if (args is ["draw", ..])
    return DrawCommand.Run(args.AsSpan(1));

const int Pictures = 2000;
Console.WriteLine($"A Vision Transformer on {Pictures} drawn pictures of {ShapeImages.ClassNames.Count} classes; latency: one picture, one thread, median.");

var evaluation = new Evaluation(Pictures);
var comparison = new Comparison(Console.Out);
comparison.Begin();
comparison.Add(evaluation.Measure("fp32", File.ReadAllBytes(ShapesVit.Path)));
return 0;
