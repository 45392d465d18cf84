namespace LampQ.Onnx;

/// <summary>RoiAlign shifts coordinates by half a pixel by default from opset 16; before, it did not.</summary>
static class RoiAlignUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
        [new("RoiAlign", 16, node => node.Set("coordinate_transformation_mode", "output_half_pixel"))];
}
