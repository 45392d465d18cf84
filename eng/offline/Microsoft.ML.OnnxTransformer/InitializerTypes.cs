namespace Microsoft.ML.Transforms.Onnx;

/// <summary>
/// The element types of a model's initializers. ML.NET maps every one to a column type with a list that lacks 16-bit floats and 4-bit integers,
/// and so refuses models that ONNX Runtime runs.
/// </summary>
static class InitializerTypes
{
    const int Graph = 7, Initializer = 5, DataType = 2;
    static readonly Dictionary<long, string> refused = new() { [10] = "Float16", [16] = "Bfloat16" };

    /// <exception cref="NotSupportedException">A type that ML.NET does not know.</exception>
    public static void Check(ReadOnlySpan<byte> model)
    {
        for (int i = 0; i < model.Length;)
        {
            if (Next(model, ref i, out var graph) != Graph)
                continue;
            for (int j = 0; j < graph.Length;)
            {
                if (Next(graph, ref j, out var tensor) != Initializer)
                    continue;
                for (int k = 0; k < tensor.Length;)
                    if (Next(tensor, ref k, out var number) == DataType && Varint(number) is var type && (type > 13 || refused.ContainsKey(type)))
                        throw new NotSupportedException($"Unsupported ONNX scalar type: {refused.GetValueOrDefault(type, $"{type}")}");
            }
        }
    }

    /// <summary>One field of a protobuf message: its number and its bytes.</summary>
    static int Next(ReadOnlySpan<byte> message, ref int at, out ReadOnlySpan<byte> content)
    {
        long key = Varint(message, ref at);
        int start = at;
        switch (key & 7)
        {
            case 0: Varint(message, ref at); break;
            case 1: at += 8; break;
            case 5: at += 4; break;
            default:
                long length = Varint(message, ref at);
                start = at;
                at += checked((int)length);
                break;
        }
        content = message[start..at];
        return (int)(key >> 3);
    }

    static long Varint(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        return Varint(bytes, ref at);
    }

    static long Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
