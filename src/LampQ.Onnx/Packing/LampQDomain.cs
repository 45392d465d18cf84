namespace LampQ.Onnx;

/// <summary>Names of the operator set that packed models and lowered graphs use (docs/formats.md).</summary>
public static class LampQDomain
{
    /// <summary>The domain.</summary>
    public const string Name = "ai.lampq";

    /// <summary>The version of its operator set; another one is refused.</summary>
    public const long Version = 1;
}
