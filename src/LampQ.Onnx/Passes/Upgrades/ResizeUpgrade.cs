namespace LampQ.Onnx;

/// <summary>
/// Resize of opset 10 multiplies coordinates by the scale and rounds them down; from 11 on that is one mode of many and the
/// scales are the third input. From 13 scales and sizes exclude each other.
/// </summary>
static class ResizeUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        new("Resize", 11, node =>
        {
            var scales = node.Input(1);
            // The second input, the region of interest, is required by the text of opset 11 but read in one mode only.
            node.SetInput(1, node.Graph.AddInitializer($"{node.Output.Name}_roi", Tensor.Of(ReadOnlySpan<float>.Empty, 0)));
            node.SetInput(2, scales);
            node.Set("coordinate_transformation_mode", "asymmetric");
            if (node.String("mode", "nearest") == "nearest")
                node.Set("nearest_mode", "floor");
        }),
        new("Resize", 13, node =>
        {
            if (node.String("coordinate_transformation_mode") == "tf_half_pixel_for_nn")
                throw new NotSupportedException($"Node {node} uses the coordinates 'tf_half_pixel_for_nn', which opset 13 removed. Export the model with opset 13 or later.");
            if (node.Input(3) is not null)
                node.SetInput(2, null);
            if (node.String("coordinate_transformation_mode") != "tf_crop_and_resize")
                node.SetInput(1, null);
        }),
    ];
}
