namespace LampQ.Onnx;

/// <summary>Operators that work element by element, with broadcasting: the output has the common shape of the inputs.</summary>
static class ElementwiseShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        .. new[]
        {
            "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
            "HardSwish", "Hardmax", "Identity", "LeakyRelu", "Log", "LogSoftmax", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid",
            "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Clip", "CumSum", "Trilu",
            "BitwiseNot", "LpNormalization", "MeanVarianceNormalization", "LRN",
        }.Select(op => (op, (ShapeRule)Unary)),
        .. new[] { "Add", "Sub", "Mul", "Div", "Mod", "Pow", "PRelu", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift" }.Select(op => (op, (ShapeRule)Binary)),
        .. new[] { "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor" }.Select(op => (op, (ShapeRule)Comparison)),
        .. new[] { "Min", "Max", "Sum", "Mean" }.Select(op => (op, (ShapeRule)Variadic)),
        .. new[] { "Not", "IsNaN", "IsInf" }.Select(op => (op, (ShapeRule)Test)),
        ("Cast", n => Cast(n, (ElementType)n.Node.Int("to"))),
        ("CastLike", n => Cast(n, n.Type(1))),
        ("Where", Where),
    ];

    static void Unary(NodeShapes n)
    {
        n.Set(0, n.Type(0), n.Shape(0));
        if (n.Data(0) is not { } x)
            return;
        Func<Element, Element>? compute = n.Node.OpType switch
        {
            "Identity" => e => e,
            "Neg" => e => e.Real is { } r ? Real(x.Type, -r) : SymbolicDimension.Multiply(e.Dimension, -1),
            "Abs" => e => e.Real is { } r ? Real(x.Type, Math.Abs(r)) : e.Integer is { } i and not long.MinValue ? Math.Abs(i) : Element.Unknown,
            "Floor" => e => e.Real is { } r ? Real(x.Type, Math.Floor(r)) : Element.Unknown,
            "Ceil" => e => e.Real is { } r ? Real(x.Type, Math.Ceiling(r)) : Element.Unknown,
            "Round" => e => e.Real is { } r ? Real(x.Type, Math.Round(r, MidpointRounding.ToEven)) : Element.Unknown,
            "Sqrt" => e => e.Real is { } r ? Real(x.Type, Math.Sqrt(r)) : Element.Unknown,
            "Reciprocal" => e => e.Real is { } r ? Real(x.Type, 1 / r) : Element.Unknown,
            _ => null,
        };
        if (compute is not null)
            n.SetData(x with { Elements = Array.ConvertAll(x.Elements, e => compute(e)) });
    }

    static void Binary(NodeShapes n)
    {
        n.Set(0, n.Type(0), Broadcasting.Of(n, n.Shape(0), n.Shape(1)));
        SetCombined(n, n.Type(0), (a, b) => Combine(n.Node, n.Type(0), a, b));
    }

    static void Comparison(NodeShapes n)
    {
        n.Set(0, ElementType.Bool, Broadcasting.Of(n, n.Shape(0), n.Shape(1)));
        SetCombined(n, ElementType.Bool, (a, b) =>
        {
            if (a.Number is not { } x || b.Number is not { } y)
                // The same name is the same number. A named size is never negative, so it differs from every negative number.
                return n.Node.OpType == "Equal" && a != Element.Unknown && b != Element.Unknown
                    ? a == b ? 1 : a.Integer < 0 && IsPlainName(b) || b.Integer < 0 && IsPlainName(a) ? 0 : Element.Unknown
                    : Element.Unknown;
            bool result = n.Node.OpType switch
            {
                "Equal" => x == y,
                "Less" => x < y,
                "LessOrEqual" => x <= y,
                "Greater" => x > y,
                "GreaterOrEqual" => x >= y,
                "And" => x != 0 && y != 0,
                "Or" => x != 0 || y != 0,
                _ => (x != 0) != (y != 0),
            };
            return result ? 1 : 0;
        });
    }

    /// <summary>A name that stands for a size itself, or a product of sizes; sums may be differences, hence negative.</summary>
    static bool IsPlainName(Element e) => e.Symbol is { } s && !s.Contains('(') && !s.StartsWith('-');

    static void Variadic(NodeShapes n)
    {
        n.Set(0, n.Type(0), Broadcasting.Of(n, [.. Enumerable.Range(0, n.Node.Inputs.Count).Select(n.Shape)]));
        if (n.Node.Inputs.Count == 1 && n.Node.OpType is "Min" or "Max" && n.Data(0) is { } only)
            n.SetData(only);
        else if (n.Node.Inputs.Count == 2 && n.Node.OpType is "Min" or "Max")
            SetCombined(n, n.Type(0), (a, b) => a == b ? a : a.Number is { } x && b.Number is { } y ? x < y == (n.Node.OpType == "Min") ? a : b : Element.Unknown);
    }

    static void Test(NodeShapes n)
    {
        n.Set(0, ElementType.Bool, n.Shape(0));
        if (n.Node.OpType == "Not" && n.Data(0) is { } x)
            n.SetData(x with { Elements = Array.ConvertAll(x.Elements, e => e.Integer is { } i ? i == 0 ? 1 : 0 : Element.Unknown) });
    }

    static void Cast(NodeShapes n, ElementType to)
    {
        n.Set(0, to, n.Shape(0));
        if (n.Data(0) is not { } x)
            return;
        Func<Element, Element>? convert = to switch
        {
            ElementType.Int64 => e => e.Real is { } r ? Truncate(r, long.MinValue, long.MaxValue) : e,
            ElementType.Int32 => e => e.Real is { } r ? Truncate(r, int.MinValue, int.MaxValue) : e.Integer is { } i ? (int)i : e,
            ElementType.Float or ElementType.Double => e => e.Number is { } v ? Real(to, v) : Element.Unknown,
            ElementType.Bool => e => e.Number is { } v ? v != 0 ? 1 : 0 : Element.Unknown,
            _ => null,
        };
        if (convert is not null)
            n.SetData(new PartialTensor(to, x.Shape, Array.ConvertAll(x.Elements, e => convert(e))));
    }

    // Outside the range a cast is undefined in ONNX; nothing is claimed about it.
    static Element Truncate(double value, double lowest, double highest) => value > lowest && value < highest ? (Element)(long)value : Element.Unknown;

    static void Where(NodeShapes n)
    {
        n.Set(0, n.Type(1), Broadcasting.Of(n, n.Shape(0), n.Shape(1), n.Shape(2)));
        if (n.Data(0) is not { } condition || n.Data(1) is not { } yes || n.Data(2) is not { } no
            || Broadcasting.Of(condition.Shape, yes.Shape) is not { } both || Broadcasting.Of(both, no.Shape) is not { } shape || IsLarge(shape))
            return;
        int[] c = Broadcasting.Sources(condition.Shape, shape), y = Broadcasting.Sources(yes.Shape, shape), o = Broadcasting.Sources(no.Shape, shape);
        n.SetData(new PartialTensor(yes.Type, shape, [.. Enumerable.Range(0, c.Length).Select(i =>
        {
            var (a, b) = (yes.Elements[y[i]], no.Elements[o[i]]);
            return condition.Elements[c[i]].Integer is { } flag ? flag != 0 ? a : b : a == b ? a : Element.Unknown;
        })]));
    }

    static void SetCombined(NodeShapes n, ElementType type, Func<Element, Element, Element> combine)
    {
        if (n.Data(0) is not { } a || n.Data(1) is not { } b || Broadcasting.Of(a.Shape, b.Shape) is not { } shape || IsLarge(shape))
            return;
        int[] x = Broadcasting.Sources(a.Shape, shape), y = Broadcasting.Sources(b.Shape, shape);
        n.SetData(new PartialTensor(type, shape, [.. Enumerable.Range(0, x.Length).Select(i => combine(a.Elements[x[i]], b.Elements[y[i]]))]));
    }

    static bool IsLarge(long[] shape) => shape.Aggregate(1L, (p, d) => p * d) > PartialTensor.MaximumCount;

    static Element Combine(Node node, ElementType type, Element a, Element b)
    {
        if (a.Real is { } x && b.Real is { } y)
            return node.OpType switch
            {
                "Add" => Real(type, x + y),
                "Sub" => Real(type, x - y),
                "Mul" => Real(type, x * y),
                "Div" => Real(type, x / y),
                _ => Element.Unknown,
            };
        return node.OpType switch
        {
            "Add" => SymbolicDimension.Add(a.Dimension, b.Dimension),
            "Sub" => SymbolicDimension.Subtract(a.Dimension, b.Dimension),
            "Mul" => SymbolicDimension.Multiply(a.Dimension, b.Dimension),
            // C division rounds toward zero; named sizes are not negative, so rounding down is the same for them.
            "Div" => a.Integer is { } i && b.Integer is { } j ? j == 0 ? Element.Unknown : i / j : SymbolicDimension.Divide(a.Dimension, b.Dimension),
            "Mod" when a.Integer is { } i && b.Integer is { } j && j != 0 => node.Int("fmod") == 1 ? i % j : i - j * SymbolicDimension.FloorDivide(i, j),
            "Mod" when SymbolicDimension.Exact(a.Dimension, b.Dimension) is not null => 0,
            "Pow" when a.Integer is { } i && b.Integer == 2 => i * i,
            _ => Element.Unknown,
        };
    }

    // One rounding from double to float after each operation gives exactly the float result for +, −, ·, / and √ (53 ≥ 2·24 + 2 bits).
    static Element Real(ElementType type, double value) => new(null, type == ElementType.Float ? (float)value : value);
}
