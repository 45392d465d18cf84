namespace LampQ.Quantization;

/// <summary>Height and width in pixels, in the order of a tensor [N, 3, H, W].</summary>
public readonly record struct ImageSize(int Height, int Width)
{
    /// <summary>For example 224×256 (height first).</summary>
    public override string ToString() => $"{Height}×{Width}";
}
