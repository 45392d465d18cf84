namespace LampQ.Onnx;

/// <summary>GridSample renames its modes in opset 20: bilinear to linear, bicubic to cubic.</summary>
static class GridSampleUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        new("GridSample", 20, node => node.Set("mode", node.String("mode", "bilinear") switch
        {
            "bilinear" => "linear",
            "bicubic" => "cubic",
            var same => same,
        })),
    ];
}
