using System.Text.Json;

namespace LampQ.Quantization;

/// <summary>Reads a Hugging Face <c>preprocessor_config.json</c> into a <see cref="Preprocessing"/>.</summary>
/// <remarks>
/// Known kinds are ViT, DeiT, BEiT, ConvNeXt, BiT, CLIP and SigLIP, as image processor, its fast form, or the older feature
/// extractor; fields that the file leaves out get the defaults of the kind. A file that names no kind must hold every field
/// that its flags ask for. The crop starts where torchvision's does, the place the models were evaluated with
/// (Hugging Face's own crop of an odd remainder starts half a pixel earlier).
/// Source: transformers, src/transformers/models/*/image_processing_*.py.
/// </remarks>
public static class PreprocessorConfig
{
    /// <summary>Name that the file has beside a model.</summary>
    public const string FileName = "preprocessor_config.json";

    /// <summary>Reads a file.</summary>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not JSON, lacks a field, or holds a value out of range.</exception>
    /// <exception cref="NotSupportedException">It asks for a step or a kind of processor that LampQ does not have.</exception>
    public static Preprocessing Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) throw new ArgumentException($"The preprocessor configuration '{path}' does not exist. Give the path of a {FileName}.", nameof(path));
        return Parse(File.ReadAllText(path), path);
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="name">What to call the file in error messages.</param>
    /// <exception cref="InvalidDataException">As <see cref="Read"/>.</exception>
    /// <exception cref="NotSupportedException">As <see cref="Read"/>.</exception>
    public static Preprocessing Parse(string json, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"'{name}' holds a JSON {document.RootElement.ValueKind}; expected an object with size, image_mean and image_std.");
            return new Fields(document.RootElement, name).ToPreprocessing();
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"'{name}' is not JSON ({problem.Message}); expected a Hugging Face {FileName}.", problem);
        }
    }

    /// <summary>What the constructor of a processor assumes for fields that the file leaves out.</summary>
    /// <param name="Size">Side of the square, or the shortest edge.</param>
    /// <param name="IntIsSquare">Whether <c>"size": n</c> means n×n rather than the shortest edge.</param>
    /// <param name="Filter">Resample filter.</param>
    /// <param name="Crop">Side of the centre crop; null when the kind does not crop unless told to.</param>
    /// <param name="Mean">Mean per channel.</param>
    /// <param name="Std">Standard deviation per channel.</param>
    sealed record Defaults(int Size, bool IntIsSquare, ResampleFilter Filter, int? Crop, double[] Mean, double[] Std);

    static readonly double[] half = [0.5, 0.5, 0.5];
    static readonly double[] clipMean = [0.48145466, 0.4578275, 0.40821073];
    static readonly double[] clipStd = [0.26862954, 0.26130258, 0.27577711];

    static readonly Dictionary<string, Defaults> kinds = new()
    {
        ["ViT"] = new(224, IntIsSquare: true, ResampleFilter.Bilinear, Crop: null, half, half),
        ["DeiT"] = new(256, IntIsSquare: true, ResampleFilter.Bicubic, Crop: 224, half, half),
        ["Beit"] = new(256, IntIsSquare: true, ResampleFilter.Bicubic, Crop: 224, half, half),
        ["ConvNext"] = new(384, IntIsSquare: false, ResampleFilter.Bicubic, Crop: null, half, half),
        ["Bit"] = new(224, IntIsSquare: false, ResampleFilter.Bicubic, Crop: 224, clipMean, clipStd),
        ["CLIP"] = new(224, IntIsSquare: false, ResampleFilter.Bicubic, Crop: 224, clipMean, clipStd),
        ["Siglip"] = new(224, IntIsSquare: true, ResampleFilter.Bicubic, Crop: null, half, half),
    };

    // Steps of other processors; each changes the pixels, so it is refused rather than skipped.
    static readonly string[] unsupportedSteps =
        ["do_pad", "do_thumbnail", "do_align_long_axis", "do_crop_margin", "do_flip_channel_order", "do_image_splitting", "rescale_offset", "offset"];

    sealed class Fields(JsonElement root, string name)
    {
        internal Preprocessing ToPreprocessing()
        {
            foreach (var step in unsupportedSteps.Where(step => Flag(step, false)))
                throw new NotSupportedException($"'{name}' asks for {step}, which LampQ does not do. Preprocess outside and give .npy files, or give the steps as options.");

            var kind = Kind();
            var preprocessing = new Preprocessing
            {
                Filter = Filter(kind),
                RescaleFactor = Flag("do_rescale", true) ? Number("rescale_factor") ?? 1.0 / 255 : 1,
                Mean = Flag("do_normalize", true) ? Channels("image_mean", kind?.Mean) : [0, 0, 0],
                Std = Flag("do_normalize", true) ? Channels("image_std", kind?.Std) : [1, 1, 1],
            };
            preprocessing = kind == kinds["ConvNext"] ? ConvNext(preprocessing, kind) : preprocessing with
            {
                Resize = Flag("do_resize", true) ? Resize(kind) : null,
                Crop = Flag("do_center_crop", kind?.Crop is not null) ? CropSize(kind) : null,
            };
            try
            {
                preprocessing.Validate();
            }
            catch (ArgumentException problem)
            {
                throw new InvalidDataException($"'{name}': {problem.Message}", problem);
            }
            return preprocessing;
        }

        Defaults? Kind()
        {
            var type = Text("image_processor_type") ?? Text("feature_extractor_type");
            if (type is null) return null;
            var family = type;
            foreach (var ending in (string[])["Fast", "Pil", "ImageProcessor", "FeatureExtractor"])
                family = family.EndsWith(ending, StringComparison.Ordinal) ? family[..^ending.Length] : family;
            return kinds.GetValueOrDefault(family) ?? throw new NotSupportedException(
                $"'{name}' is for a {type}; known are {string.Join(", ", kinds.Keys)} image processors. Give the preprocessing as options instead.");
        }

        // Below 384 pixels: the shortest edge becomes ⌊edge/crop_pct⌋ and the middle edge×edge is kept; from 384 on, edge×edge directly.
        Preprocessing ConvNext(Preprocessing preprocessing, Defaults kind)
        {
            if (!Flag("do_resize", true)) return preprocessing;
            var edge = kind.Size;
            if (Get("size") is { } size)
            {
                edge = size.ValueKind == JsonValueKind.Object
                    ? Side(size, "size", "shortest_edge") ?? throw Wrong("size", size, "{\"shortest_edge\": n}, which this kind of processor needs")
                    : Positive(size, "size");
            }
            if (edge >= 384) return preprocessing with { Resize = ResizeRule.Exact(edge, edge) };
            var fraction = Number("crop_pct") ?? 224.0 / 256;
            if (fraction is not (> 0 and <= 1)) throw Wrong("crop_pct", Get("crop_pct")!.Value, "a number above 0 and at most 1");
            var resized = edge / fraction;
            if (resized > ImageDecoder.MaxPixels) throw Wrong("crop_pct", Get("crop_pct")!.Value, "a fraction that keeps the resized picture small, such as 0.875");
            return preprocessing with { Resize = ResizeRule.ShortestEdge((int)resized), Crop = new ImageSize(edge, edge) };
        }

        ResizeRule Resize(Defaults? kind)
        {
            if (Get("size") is not { } size)
                return kind is null ? throw Missing("size", "do_resize is false") : ForInt(kind.Size, kind);
            if (size.ValueKind != JsonValueKind.Object) return ForInt(Positive(size, "size"), kind);
            if (Side(size, "size", "longest_edge") is not null)
                throw new NotSupportedException($"'{name}' limits the longest edge in size, which LampQ does not do. Give the preprocessing as options instead.");
            if (Side(size, "size", "shortest_edge") is { } edge) return ResizeRule.ShortestEdge(edge);
            var exact = Both(size, "size");
            return ResizeRule.Exact(exact.Height, exact.Width);
        }

        // A number without a kind is taken as a square, transformers' own default (get_size_dict, default_to_square).
        static ResizeRule ForInt(int size, Defaults? kind) =>
            kind is { IntIsSquare: false } ? ResizeRule.ShortestEdge(size) : ResizeRule.Exact(size, size);

        ImageSize CropSize(Defaults? kind)
        {
            if (Get("crop_size") is not { } crop)
            {
                var side = kind?.Crop ?? (kind is null ? throw Missing("crop_size", "do_center_crop is false") : kind.Size);
                return new ImageSize(side, side);
            }
            if (crop.ValueKind == JsonValueKind.Object) return Both(crop, "crop_size");
            var square = Positive(crop, "crop_size");
            return new ImageSize(square, square);
        }

        ResampleFilter Filter(Defaults? kind)
        {
            if (Get("resample") is not { } code)
            {
                return kind?.Filter ?? (Flag("do_resize", true) ? throw Missing("resample", "do_resize is false") : ResampleFilter.Bicubic);
            }
            if (code.ValueKind != JsonValueKind.Number || !code.TryGetInt32(out var filter)) throw Wrong("resample", code, "0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic)");
            if (filter is 4 or 5)
                throw new NotSupportedException($"'{name}' asks for the resample filter {filter} ({(filter == 4 ? "box" : "hamming")}); LampQ has 0 (nearest), 1 (lanczos), 2 (bilinear) and 3 (bicubic).");
            return (ResampleFilter)filter;
        }

        double[] Channels(string key, double[]? fallback)
        {
            if (Get(key) is not { } value) return fallback ?? throw Missing(key, "do_normalize is false");
            // One number stands for all three channels, as in transformers' normalize().
            if (value.ValueKind == JsonValueKind.Number) return [value.GetDouble(), value.GetDouble(), value.GetDouble()];
            if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Number))
                throw Wrong(key, value, "a list of three numbers");
            return [.. value.EnumerateArray().Select(item => item.GetDouble())];
        }

        ImageSize Both(JsonElement size, string key) =>
            Side(size, key, "height") is { } height && Side(size, key, "width") is { } width
                ? new ImageSize(height, width)
                : throw Wrong(key, size, "a number, or an object with height and width");

        int? Side(JsonElement size, string key, string side) =>
            size.TryGetProperty(side, out var value) && value.ValueKind != JsonValueKind.Null ? Positive(value, $"{key}.{side}") : null;

        int Positive(JsonElement value, string key) =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number is > 0 and <= 65_535
                ? number
                : throw Wrong(key, value, "a whole number of pixels from 1 to 65,535");

        bool Flag(string key, bool fallback) => Get(key) is not { } value ? fallback : value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong(key, value, "true or false"),
        };

        double? Number(string key) => Get(key) is not { } value ? null
            : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(key, value, "a number");

        string? Text(string key) => Get(key) is not { } value ? null
            : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, value, "a string");

        // null in the file means the same as leaving the field out.
        JsonElement? Get(string key) => root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        InvalidDataException Wrong(string key, JsonElement found, string expected) =>
            new($"'{name}' has {key} = {found.GetRawText()}; expected {expected}.");

        InvalidDataException Missing(string key, string unless) =>
            new($"'{name}' names no image processor and has no {key}; expected {key} unless {unless}.");
    }
}
