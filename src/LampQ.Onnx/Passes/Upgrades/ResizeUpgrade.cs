namespace LampQ.Onnx;

/// <summary>
/// Resize of opset 10 divides coordinates by the scale and takes the pixel below where an image grows, and the one above where it shrinks (ONNX Runtime's
/// reading: the text of opset 10 leaves it open); from 11 on each is one mode of many, for all axes, and the scales are the third input.
/// From 13 scales and sizes exclude each other.
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
                node.Set("nearest_mode", NearestMode(node, scales?.Constant));
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

    static string NearestMode(Node node, Tensor? scales)
    {
        if (scales is null)
            throw new NotSupportedException($"Node {node} computes the scales of a nearest Resize of opset 10, which rounds by whether the image grows. Export the model with opset 11 or later.");
        float[] factors = scales.ToFloats();
        if (factors.Any(s => s < 1) && factors.Any(s => s > 1))
            throw new NotSupportedException($"Node {node} resizes by the scales [{string.Join(", ", factors)}]; from opset 11 on a nearest Resize that grows along one axis and shrinks along another cannot be written as in opset 10. "
                + "Split it in two, or export the model with opset 11 or later.");
        return factors.Any(s => s < 1) ? "ceil" : "floor";
    }
}
