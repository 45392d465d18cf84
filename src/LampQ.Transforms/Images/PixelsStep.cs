using System.Text.Json;
using LampQ.Quantization;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace LampQ.Transforms;

/// <summary>Turns the bytes of a JPEG or PNG file into the floats [3, H, W] that a model was trained on.</summary>
static class PixelsStep
{
    public const string Contract = "LampQ.Pixels", Source = "LampQ.Image", Result = "LampQ.Pixels";

    public static void Map(ImageBytes source, ImagePixels target)
    {
        var (preprocessing, column) = Settings<PixelsSettings>.Of(source.State, Read);
        if (source.Image is null or [])
            throw new InvalidOperationException($"Column '{column}': the image of a row has no bytes; expected the content of a JPEG or PNG file. Is the value missing?");
        var image = preprocessing.ResizeAndCrop(ImageDecoder.Default().Decode(source.Image, $"(from column {column})"));
        if (target.Pixels.Length != image.Pixels.Length)
            target.Pixels = new float[image.Pixels.Length];
        preprocessing.Normalize(image.Pixels, target.Pixels);
    }

    /// <summary>Preprocessing, and the column that messages name, as text. What a square of one pixel becomes is the length of the shorter side.</summary>
    public static string Write(Preprocessing p, string column) => JsonSerializer.Serialize(new Saved(p.Resize is { FixedSize: null } rule ? rule.SizeFor(1, 1).Width : null, p.Resize?.FixedSize, p.Filter, p.Crop, p.RescaleFactor, [.. p.Mean], [.. p.Std], column));

    public static PixelsSettings Read(string text)
    {
        var saved = JsonSerializer.Deserialize<Saved>(text) ?? throw new InvalidDataException("The saved preprocessing is empty.");
        var preprocessing = new Preprocessing
        {
            Resize = saved.Edge is { } edge ? ResizeRule.ShortestEdge(edge) : saved.Size is { } size ? ResizeRule.Exact(size.Height, size.Width) : null,
            Filter = saved.Filter,
            Crop = saved.Crop,
            RescaleFactor = saved.RescaleFactor,
            Mean = saved.Mean,
            Std = saved.Std,
        };
        return new PixelsSettings(preprocessing, saved.Column);
    }

    sealed record Saved(int? Edge, ImageSize? Size, ResampleFilter Filter, ImageSize? Crop, double RescaleFactor, double[] Mean, double[] Std, string Column);
}

/// <summary>How pictures are prepared, and the column they come from.</summary>
sealed record PixelsSettings(Preprocessing Preprocessing, string Column);

/// <summary>An image file and how it is prepared. Part of the file format, and public because ML.NET makes it.</summary>
public sealed class ImageBytes
{
    /// <summary>The preprocessing as text.</summary>
    [ColumnName(Helper.State)]
    public ReadOnlyMemory<char> State { get; set; }

    /// <summary>Content of a JPEG or PNG file.</summary>
    [ColumnName(PixelsStep.Source)]
    public byte[] Image { get; set; } = [];
}

/// <summary>What a model sees. Part of the file format, and public because ML.NET makes it.</summary>
public sealed class ImagePixels
{
    /// <summary>[3, H, W].</summary>
    [ColumnName(PixelsStep.Result)]
    public float[] Pixels { get; set; } = [];
}

/// <summary>Finds the step after loading.</summary>
[CustomMappingFactoryAttribute(PixelsStep.Contract)]
public sealed class PixelsFactory : CustomMappingFactory<ImageBytes, ImagePixels>
{
    /// <inheritdoc/>
    public override Action<ImageBytes, ImagePixels> GetMapping() => PixelsStep.Map;
}
