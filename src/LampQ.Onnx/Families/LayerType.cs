namespace LampQ.Onnx;

/// <summary>What a linear layer does in a Vision Transformer; the papers' names.</summary>
public enum LayerType
{
    /// <summary>Image patches to tokens: a convolution with stride = kernel, or a matrix product over flattened patches.</summary>
    PatchEmbedding,
    /// <summary>Queries, keys and values in one product, or two of the three (keys and values of a cross attention).</summary>
    Qkv,
    /// <summary>Queries alone.</summary>
    Q,
    /// <summary>Keys alone.</summary>
    K,
    /// <summary>Values alone.</summary>
    V,
    /// <summary>The product behind attention.</summary>
    Proj,
    /// <summary>The product before GELU.</summary>
    Fc1,
    /// <summary>The product behind GELU.</summary>
    Fc2,
    /// <summary>Swin's patch merging.</summary>
    Reduction,
    /// <summary>The classifier.</summary>
    Head,
    /// <summary>A linear layer whose part in the model was not recognised.</summary>
    Linear,
}

/// <summary>Names of layer types as reports and the command line show them.</summary>
public static class LayerTypes
{
    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> Words { get; } = [.. Enum.GetValues<LayerType>().Select(Word)];

    /// <summary>"patch-embedding", "qkv", "q", "k", "v", "proj", "fc1", "fc2", "reduction", "head", "linear".</summary>
    public static string Word(this LayerType type) => type == LayerType.PatchEmbedding ? "patch-embedding" : type.ToString().ToLowerInvariant();
}
