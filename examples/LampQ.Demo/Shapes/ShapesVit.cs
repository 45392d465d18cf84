namespace LampQ.Demo;

/// <summary>
/// The model that comes with the repository: a float Vision Transformer for <see cref="ShapeImages"/>, trained by eng/embedded.
/// DeiT's structure, patches of 4 × 4, width 48, 6 blocks, 3 heads, 24 classes; ONNX opset 17.
/// </summary>
public static class ShapesVit
{
    /// <summary>Input: [batch, 3, 32, 32], from −1 to 1 as <see cref="ShapeImages.Normalize"/> makes it.</summary>
    public const string InputName = "pixel_values";

    /// <summary>Output: [batch, 24], one logit per class.</summary>
    public const string OutputName = "logits";

    /// <summary>The model file beside the running program; the build copies it there.</summary>
    public static string Path => Beside("shapes-vit.onnx");

    /// <summary>The class names beside the running program, one per line; the same as <see cref="ShapeImages.ClassNames"/>.</summary>
    public static string ClassNamesPath => Beside("classes.txt");

    static string Beside(string file) => System.IO.Path.Combine(AppContext.BaseDirectory, "model", file);
}
