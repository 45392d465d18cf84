namespace LampQ.Onnx;

/// <summary>What a broken model breaks.</summary>
public enum ProblemKind
{
    /// <summary>The bytes are not an ONNX model.</summary>
    File,
    /// <summary>An operator set is missing, or named twice.</summary>
    Opset,
    /// <summary>The file format version is too old for the operator set.</summary>
    IrVersion,
    /// <summary>An operator does not exist at this opset, or has too few or too many inputs or outputs.</summary>
    Operator,
    /// <summary>A required attribute is missing, an attribute is unknown, or of another type.</summary>
    Attribute,
    /// <summary>An element type is not allowed where it stands.</summary>
    Type,
    /// <summary>Shapes do not fit together, or differ from what the file says.</summary>
    Shape,
    /// <summary>A node stands before one it needs.</summary>
    Order,
    /// <summary>A name is empty or not unique.</summary>
    Name,
    /// <summary>A value is used or returned but never defined, or defined twice.</summary>
    Definition,
    /// <summary>An initializer has not as many bytes as its type and shape ask for.</summary>
    Tensor,
    /// <summary>Scale and zero point of a quantization do not fit.</summary>
    Quantization,
    /// <summary>A metadata key is empty or not unique.</summary>
    Metadata,
}

/// <summary>One violated invariant of a model.</summary>
/// <param name="Kind">What is violated.</param>
/// <param name="Message">Where, what was found, and what is expected.</param>
public sealed record Problem(ProblemKind Kind, string Message)
{
    /// <summary>Kind and message.</summary>
    public override string ToString() => $"{Kind}: {Message}";
}
