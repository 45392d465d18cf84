namespace LampQ.Onnx;

/// <summary>What happens to values far below the smallest level of a logarithmic quantizer, which by itself never reaches 0.</summary>
public enum ZeroState
{
    /// <summary>The last of the 2^bits codes means 0, so that there is one level less.</summary>
    LastCode,
    /// <summary>All 2^bits codes are levels; what is smaller becomes the smallest level.</summary>
    None,
    /// <summary>2^bits levels, and a zero beside them: what the simulations of RepQ-ViT, FQ-ViT and AdaLog compute. No code of that many bits can say it; for comparison only.</summary>
    Extra,
}
