namespace LampQ.Cli;

/// <summary>What is in a model.</summary>
sealed record InspectReport : Report
{
    public required string Model { get; init; }
    public required string Family { get; init; }
    public required long Opset { get; init; }
    public required bool Quantized { get; init; }
    public required long Parameters { get; init; }
    public required IReadOnlyList<LayerLine> Layers { get; init; }
    public required IReadOnlyList<PackedLayerLine> Packed { get; init; }
    public required IReadOnlyList<UnrecognizedLine> Unrecognized { get; init; }

    protected override void WriteText(TextWriter output)
    {
        output.WriteLine($"model       {Model}");
        output.WriteLine($"family      {Family}");
        output.WriteLine($"opset       {Opset}");
        output.WriteLine($"parameters  {Figures.Count(Parameters)} in {Layers.Count + Packed.Count} linear layers");
        if (Layers.Count > 0)
        {
            output.WriteLine();
            var table = new TextTable("name", "type", ">shape", ">parameters");
            foreach (var layer in Layers)
                table.Add(layer.Name, layer.Type, Figures.Shape(layer.Shape), Figures.Count(layer.Parameters));
            table.Write(output);
        }
        if (Packed.Count > 0)
        {
            output.WriteLine();
            var table = new TextTable("name", "operator", ">bits", ">shape", ">parameters", ">bytes");
            foreach (var layer in Packed)
                table.Add(layer.Name, layer.Op, Figures.Count(layer.Bits), Figures.Shape(layer.Shape), Figures.Count(layer.Parameters), Figures.Count(layer.Bytes));
            table.Write(output);
        }
        UnrecognizedLine.Write(output, Unrecognized);
    }
}
