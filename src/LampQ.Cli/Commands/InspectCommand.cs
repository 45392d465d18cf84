using System.CommandLine;
using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary><c>lampq inspect MODEL</c>: what is in a model.</summary>
static class InspectCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = CommonOptions.Model();
        var format = CommonOptions.Format();
        var command = new Command("inspect", "Shows a model's family, its layers with type, shape and parameters, and what was not recognised.") { model, format };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(model), format.ValueIn(parsed), terminal));
        return command;
    }

    static int Run(string path, ReportFormat format, Terminal terminal)
    {
        terminal.Cancellation.ThrowIfCancellationRequested();
        var model = ModelFile.Read(path);
        bool quantized = QuantizedModel.IsQuantized(model, out string evidence);
        if (model.Opsets.ContainsKey(LampQDomain.Name))
            terminal.Note($"the model is packed ({model.Graph.Nodes.Count(n => n.Domain == LampQDomain.Name)} operators of {LampQDomain.Name}); its layers are operators now. For types and groups, inspect the float model it was made from.");
        else if (quantized)
            terminal.Note($"the model is quantized already ({evidence}); layers behind a DequantizeLinear are not found. Inspect the float model it was made from.");
        var (family, structure) = FloatModel.Analyze(model, path);
        var packed = PackedLayerLine.Of(model.Graph);
        if (structure.Layers.Count == 0 && packed.Count == 0 && !quantized)
            terminal.Note("no linear layer was found; 'lampq quantize' would refuse this model.");
        new InspectReport
        {
            Model = path,
            Family = family.Name,
            Opset = model.Opset,
            Quantized = quantized,
            Parameters = structure.Layers.Sum(l => l.Parameters) + packed.Sum(l => l.Parameters),
            Layers = [.. structure.Layers.Select(LayerLine.Of)],
            Packed = packed,
            Unrecognized = UnrecognizedLine.Of(structure.Unrecognized),
        }.Write(terminal.Output, format);
        return ExitCodes.Ok;
    }
}
