using System.Numerics;
using System.Runtime.InteropServices;

namespace LampQ.Onnx;

/// <summary>
/// Computes a node whose inputs are all initializers, for the operators found between a stored weight and its use. Results
/// are bit-equal to ONNX Runtime's: only operators that move elements, convert them, or round once as IEEE 754 says.
/// </summary>
static class ConstantEvaluator
{
    /// <summary>The only output of the node; null for operators and types that are not folded, or results over the limit.</summary>
    public static Tensor? Evaluate(Node node, long opset, long maximumBytes)
    {
        if (node.Domain is not ("" or "ai.onnx") || node.Inputs is not [{ Initializer: { } x }, ..] || x.Type.SizeInBits() < 8)
            return null;
        var shapes = Inferred(node, opset);
        if (shapes is null || Tensor.SizeInBytes(node.Output.Type == ElementType.Undefined ? x.Type : node.Output.Type, shapes) > maximumBytes)
            return null;
        return node.OpType switch
        {
            "Identity" => x,
            "Reshape" or "Squeeze" or "Unsqueeze" or "Flatten" => x.Reshape(shapes),
            "Transpose" => Take(x, shapes, TransposeSources(x.Shape, node.Ints("perm"))),
            "Expand" => Take(x, shapes, Broadcasting.Sources([.. x.Shape], shapes)),
            "Slice" => Slice(node, opset, x, shapes),
            "Gather" => Gather(node, x, shapes),
            "Concat" => Concat(node, x, shapes),
            "Cast" => Cast(x, (ElementType)node.Int("to")),
            "Neg" or "Sqrt" or "Reciprocal" or "Abs" => Unary(node.OpType, x),
            "Add" or "Sub" or "Mul" or "Div" => Binary(node.OpType, x, node.Input(1)?.Initializer, shapes),
            "Where" => Where(x, node.Input(1)?.Initializer, node.Input(2)?.Initializer, shapes),
            _ => null,
        };
    }

    /// <summary>Shape of the output by the operator's shape rule; null when it is not known.</summary>
    static long[]? Inferred(Node node, long opset)
    {
        if (ShapeRules.Find(node) is not { } rule)
            return null;
        var data = new Dictionary<Value, PartialTensor>();
        foreach (var input in node.Inputs)
            if (input?.Initializer is { } tensor && PartialTensor.Of(tensor) is { } known)
                data[input] = known;
        rule(new NodeShapes(node, opset, data));
        return node.Output.Shape is { } shape && shape.All(d => d.Size is not null) ? [.. shape.Select(d => d.Size!.Value)] : null;
    }

    static Tensor Take(Tensor x, long[] shape, int[] sources)
    {
        int size = x.Type.SizeInBits() / 8;
        var from = x.Bytes.Span;
        var to = new byte[sources.Length * size];
        for (int i = 0; i < sources.Length; i++)
            from.Slice(sources[i] * size, size).CopyTo(to.AsSpan(i * size));
        return Tensor.OfBytes(x.Type, to, shape);
    }

    static int[] TransposeSources(IReadOnlyList<long> shape, long[]? perm)
    {
        perm ??= [.. Enumerable.Range(0, shape.Count).Reverse().Select(i => (long)i)];
        long[] strides = Strides(shape);
        return Walk([.. perm.Select(p => shape[(int)p])], [.. perm.Select(p => strides[p])], 0);
    }

    /// <summary>Offsets of all positions of a box of the given sizes, row-major, when axes have the given strides.</summary>
    static int[] Walk(long[] sizes, long[] strides, long origin)
    {
        var sources = new int[sizes.Aggregate(1L, (p, d) => p * d)];
        var index = new long[sizes.Length];
        long at = origin;
        for (int i = 0; i < sources.Length; i++)
        {
            sources[i] = (int)at;
            for (int d = sizes.Length - 1; d >= 0; d--)
            {
                at += strides[d];
                if (++index[d] < sizes[d])
                    break;
                at -= strides[d] * sizes[d];
                index[d] = 0;
            }
        }
        return sources;
    }

    static long[] Strides(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        for (int d = shape.Count - 1, stride = 1; d >= 0; stride *= (int)shape[d--])
            strides[d] = stride;
        return strides;
    }

    static Tensor Slice(Node node, long opset, Tensor x, long[] shape)
    {
        long[]? Part(string attribute, int input) => opset < 10 ? node.Ints(attribute) : node.Input(input)?.Initializer!.ToIntegers();
        long[] starts = Part("starts", 1)!, axes = Part("axes", 3) ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        long[] steps = (opset < 10 ? null : node.Input(4)?.Initializer!.ToIntegers()) ?? [.. Enumerable.Repeat(1L, starts.Length)];
        long[] strides = Strides(x.Shape);
        long origin = 0;
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = (int)(axes[i] < 0 ? axes[i] + x.Rank : axes[i]);
            long size = x.Shape[axis], start = starts[i] < 0 ? starts[i] + size : starts[i];
            origin += Math.Clamp(start, 0, steps[i] > 0 ? size : Math.Max(size - 1, 0)) * strides[axis];
            strides[axis] *= steps[i];
        }
        return Take(x, shape, Walk(shape, strides, origin));
    }

    static Tensor? Gather(Node node, Tensor x, long[] shape)
    {
        long axis = node.Int("axis");
        int at = (int)(axis < 0 ? axis + x.Rank : axis);
        long inner = x.Shape.Skip(at + 1).Aggregate(1L, (p, d) => p * d), outer = x.Shape.Take(at).Aggregate(1L, (p, d) => p * d), size = x.Shape[at];
        long[] indices = node.Input(1)!.Initializer!.ToIntegers();
        if (indices.Any(i => i < -size || i >= size))
            return null;
        var sources = new int[outer * indices.Length * inner];
        int next = 0;
        for (long o = 0; o < outer; o++)
            foreach (long index in indices)
                for (long i = 0; i < inner; i++)
                    sources[next++] = (int)((o * size + (index < 0 ? index + size : index)) * inner + i);
        return Take(x, shape, sources);
    }

    static Tensor Concat(Node node, Tensor first, long[] shape)
    {
        long axis = node.Int("axis");
        int at = (int)(axis < 0 ? axis + first.Rank : axis), size = first.Type.SizeInBits() / 8;
        long outer = shape.Take(at).Aggregate(1L, (p, d) => p * d);
        var result = new byte[Tensor.SizeInBytes(first.Type, shape)];
        int next = 0;
        for (long o = 0; o < outer; o++)
            foreach (var input in node.Inputs)
            {
                var part = input!.Initializer!;
                int length = (int)(part.Count / outer) * size;
                part.Bytes.Span.Slice((int)o * length, length).CopyTo(result.AsSpan(next));
                next += length;
            }
        return Tensor.OfBytes(first.Type, result, shape);
    }

    static Tensor? Cast(Tensor x, ElementType to)
    {
        if (x.Type == to)
            return x;
        long[] shape = [.. x.Shape];
        bool integers = x.Type == ElementType.Bool || x.Type.IsInteger() && x.Type != ElementType.UInt64;
        if (!integers && x.Type is not (ElementType.Float or ElementType.Float16))
            return x.Type == ElementType.Double && to == ElementType.Float ? Pack(to, shape, x.ToFloats()) : null;
        return (to, integers) switch
        {
            (ElementType.Float, _) => Pack(to, shape, x.ToFloats()),
            (ElementType.Float16, false) => Pack(to, shape, Array.ConvertAll(x.ToFloats(), v => (Half)v)),
            (ElementType.Double, false) => Pack(to, shape, Array.ConvertAll(x.ToFloats(), v => (double)v)),
            (ElementType.Double, true) => Pack(to, shape, Array.ConvertAll(x.ToIntegers(), v => (double)v)),
            (ElementType.Int64, true) => Pack(to, shape, x.ToIntegers()),
            (ElementType.Int32, true) => Pack(to, shape, Array.ConvertAll(x.ToIntegers(), v => (int)v)),
            (ElementType.Bool, true) => Pack(to, shape, Array.ConvertAll(x.ToIntegers(), v => (byte)(v != 0 ? 1 : 0))),
            (ElementType.Bool, false) => Pack(to, shape, Array.ConvertAll(x.ToFloats(), v => (byte)(v != 0 ? 1 : 0))),
            // Numbers outside the range have no defined integer.
            (ElementType.Int64, false) when x.ToFloats().All(v => Math.Abs(v) < 9e18f) => Pack(to, shape, Array.ConvertAll(x.ToFloats(), v => (long)v)),
            (ElementType.Int32, false) when x.ToFloats().All(v => Math.Abs(v) < 2e9f) => Pack(to, shape, Array.ConvertAll(x.ToFloats(), v => (int)v)),
            _ => null,
        };
    }

    static Tensor? Unary(string op, Tensor x) => x.Type switch
    {
        ElementType.Float => Unary<float>(op, x),
        ElementType.Double => Unary<double>(op, x),
        ElementType.Int64 when op is "Neg" => Pack(x.Type, [.. x.Shape], Array.ConvertAll(x.ToIntegers(), v => -v)),
        _ => null,
    };

    static Tensor Unary<T>(string op, Tensor x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Converter<T, T> compute = op switch
        {
            "Neg" => v => -v,
            "Sqrt" => T.Sqrt,
            "Reciprocal" => v => T.One / v,
            _ => T.Abs,
        };
        return Pack(x.Type, [.. x.Shape], Array.ConvertAll(x.As<T>().ToArray(), compute));
    }

    static Tensor? Binary(string op, Tensor a, Tensor? b, long[] shape) => b is null || a.Type != b.Type ? null : a.Type switch
    {
        ElementType.Float => Binary<float>(op, a, b, shape),
        ElementType.Double => Binary<double>(op, a, b, shape),
        ElementType.Int64 when op != "Div" => Binary<long>(op, a, b, shape),
        ElementType.Int32 when op != "Div" => Binary<int>(op, a, b, shape),
        _ => null,
    };

    static Tensor Binary<T>(string op, Tensor a, Tensor b, long[] shape) where T : unmanaged, INumber<T>
    {
        int[] atA = Broadcasting.Sources([.. a.Shape], shape), atB = Broadcasting.Sources([.. b.Shape], shape);
        var x = a.As<T>();
        var y = b.As<T>();
        var result = new T[atA.Length];
        for (int i = 0; i < result.Length; i++)
        {
            var (p, q) = (x[atA[i]], y[atB[i]]);
            result[i] = op switch { "Add" => p + q, "Sub" => p - q, "Mul" => p * q, _ => p / q };
        }
        return Pack(a.Type, shape, result);
    }

    static Tensor? Where(Tensor condition, Tensor? yes, Tensor? no, long[] shape)
    {
        if (yes is null || no is null || yes.Type != no.Type || yes.Type.SizeInBits() < 8)
            return null;
        int size = yes.Type.SizeInBits() / 8;
        int[] c = Broadcasting.Sources([.. condition.Shape], shape), y = Broadcasting.Sources([.. yes.Shape], shape), n = Broadcasting.Sources([.. no.Shape], shape);
        var flags = condition.Bytes.Span;
        var result = new byte[c.Length * size];
        for (int i = 0; i < c.Length; i++)
            (flags[c[i]] != 0 ? yes.Bytes.Span.Slice(y[i] * size, size) : no.Bytes.Span.Slice(n[i] * size, size)).CopyTo(result.AsSpan(i * size));
        return Tensor.OfBytes(yes.Type, result, shape);
    }

    static Tensor Pack<T>(ElementType type, long[] shape, T[] values) where T : unmanaged =>
        Tensor.OfBytes(type, MemoryMarshal.AsBytes<T>(values).ToArray(), shape);
}
