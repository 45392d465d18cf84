namespace LampQ.Onnx;

/// <summary>Element types that operators accept, for the operators where a mistake is likely.</summary>
static class TypeCheck
{
    static readonly ElementType[] floats = [ElementType.Float, ElementType.Float16, ElementType.BFloat16, ElementType.Double];
    static readonly ElementType[] indices = [ElementType.Int32, ElementType.Int64];

    public static void Check(Node node, long opset, List<Problem> problems)
    {
        if (node.Domain is not ("" or "ai.onnx"))
            return;
        switch (node.OpType)
        {
            case "Softmax" or "LogSoftmax" or "LayerNormalization" or "InstanceNormalization" or "GroupNormalization" or "BatchNormalization" or "Conv" or "ConvTranspose"
                or "Gelu" or "Tanh" or "Sigmoid" or "Sqrt" or "Exp" or "Log" or "HardSwish" or "GlobalAveragePool" or "AveragePool" or "GridSample":
                Require(0, floats);
                break;
            case "MatMul" or "Gemm":
                Require(0, [.. floats, ElementType.Int32, ElementType.Int64, ElementType.UInt32, ElementType.UInt64]);
                Same(0, 1);
                break;
            case "Add" or "Sub" or "Mul" or "Div":
                Refuse(0, ElementType.Bool, ElementType.String, ElementType.Int4, ElementType.UInt4);
                Same(0, 1);
                break;
            case "Equal" or "Less" or "LessOrEqual" or "Greater" or "GreaterOrEqual" or "Mod" or "Max" or "Min":
                Same(0, 1);
                break;
            case "And" or "Or" or "Xor":
                Require(0, ElementType.Bool);
                Require(1, ElementType.Bool);
                break;
            case "Not":
                Require(0, ElementType.Bool);
                break;
            case "Where":
                Require(0, ElementType.Bool);
                Same(1, 2);
                break;
            case "Concat":
                for (int i = 1; i < node.Inputs.Count; i++)
                    Same(0, i);
                break;
            case "Clip":
                // Integers are clipped from opset 12 on; before, they load in no runtime.
                if (opset < 12)
                    Require(0, floats);
                else
                    Refuse(0, ElementType.Bool, ElementType.String, ElementType.Int4, ElementType.UInt4);
                Same(0, 1);
                Same(0, 2);
                break;
            case "Gather" or "GatherElements":
                Require(1, indices);
                break;
            case "GatherND" or "ScatterND" or "Reshape" or "Expand" or "Tile":
                Require(1, ElementType.Int64);
                break;
            case "Slice":
                for (int i = 1; i <= 4; i++)
                    Require(i, indices);
                break;
            case "MatMulInteger" or "ConvInteger":
                Require(0, ElementType.UInt8, ElementType.Int8);
                Require(1, ElementType.UInt8, ElementType.Int8);
                break;
            case "Cast" when node.Attribute("to")?.Value is long to && Since((ElementType)to) > opset:
                problems.Add(new(ProblemKind.Type, $"Node {node} casts to {(ElementType)to}, which needs opset {Since((ElementType)to)}; the model has {opset}."));
                break;
        }

        void Require(int input, params ElementType[] allowed)
        {
            if (node.Input(input)?.Type is { } type and not ElementType.Undefined && !allowed.Contains(type))
                problems.Add(new(ProblemKind.Type, $"Input {input} of node {node} is {type}; {string.Join(", ", allowed)} {(allowed.Length > 1 ? "are" : "is")} allowed."));
        }

        void Refuse(int input, params ElementType[] refused)
        {
            if (node.Input(input)?.Type is { } type && refused.Contains(type))
                problems.Add(new(ProblemKind.Type, $"Input {input} of node {node} is {type}, with which {node.OpType} does not work at opset {opset}."));
        }

        void Same(int a, int b)
        {
            if (node.Input(a)?.Type is { } first and not ElementType.Undefined && node.Input(b)?.Type is { } second and not ElementType.Undefined && first != second)
                problems.Add(new(ProblemKind.Type, $"Inputs {a} and {b} of node {node} are {first} and {second}; they must have the same type."));
        }
    }

    /// <summary>The opset that first had the type.</summary>
    public static long Since(ElementType type) => type switch
    {
        ElementType.Int4 or ElementType.UInt4 => 21,
        ElementType.Float4E2M1 => 23,
        ElementType.Float8E8M0 => 24,
        ElementType.Int2 or ElementType.UInt2 => 25,
        ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ => 19,
        ElementType.BFloat16 => 13,
        _ => 1,
    };
}
