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

    /// <summary>
    /// The oldest IR version a model of this opset is accepted with. PyTorch 1.5 to 1.9 wrote version 6 with every opset up
    /// to 14, whose files hold nothing that version 7 added.
    /// </summary>
    public static long Accepted(long opset) => opset <= 14 ? Math.Min(For(opset), 6) : For(opset);
}
