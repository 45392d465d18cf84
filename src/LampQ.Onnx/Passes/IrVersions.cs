namespace LampQ.Onnx;

/// <summary>Versions of the file format (IR) and the operator sets they came with, as in ONNX's Versioning.md.</summary>
static class IrVersions
{
    /// <summary>The IR version of the first ONNX release that had the operator set.</summary>
    public static long For(long opset) => opset switch
    {
        <= 8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        <= 14 => 7,
        <= 18 => 8,
        <= 20 => 9,
        <= 22 => 10,
        23 => 11,
        24 => 12,
        _ => 13,
    };
}
