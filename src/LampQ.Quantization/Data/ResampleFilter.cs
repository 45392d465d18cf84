namespace LampQ.Quantization;

/// <summary>How pixels are weighed when a picture is resized; the numbers are PIL's, which <c>preprocessor_config.json</c> uses.</summary>
public enum ResampleFilter
{
    /// <summary>The one pixel under the centre.</summary>
    Nearest = 0,

    /// <summary>Windowed sine, 6 taps wide before antialiasing.</summary>
    Lanczos = 1,

    /// <summary>Triangle, 2 taps wide before antialiasing.</summary>
    Bilinear = 2,

    /// <summary>Cubic with a = −0.5, 4 taps wide before antialiasing.</summary>
    Bicubic = 3,
}
