using System.Globalization;

namespace LampQ.Onnx;

/// <summary>
/// Arithmetic on dimensions that may be known by name only. A result is again a size, a name, or unknown: "batch" times 197 is
/// "197*batch", plus 1 is "(197*batch+1)". Equal computations give equal names, so shapes stay comparable.
/// </summary>
static class SymbolicDimension
{
    /// <summary>A name longer than this says nothing to anyone and becomes unknown.</summary>
    const int LongestSymbol = 80;

    public static Dimension Multiply(Dimension a, Dimension b)
    {
        if (a.Size is { } x && b.Size is { } y)
            return x * y;
        if (a.Size == 0 || b.Size == 0)
            return 0;
        if (Parse(a) is not var (ca, atomsA) || Parse(b) is not var (cb, atomsB))
            return Dimension.Unknown;
        return Format(ca * cb, [.. atomsA, .. atomsB]);
    }

    /// <summary>a / b rounded down; a name when the quotient is exact or b is a known size.</summary>
    public static Dimension Divide(Dimension a, Dimension b)
    {
        if (b.Size == 0)
            return Dimension.Unknown;
        if (a.Size is { } x && b.Size is { } y)
            return FloorDivide(x, y);
        if (Exact(a, b) is { } quotient)
            return quotient;
        return a.Symbol is { } symbol && b.Size is > 0 ? Atom($"({symbol}/{Text(b.Size.Value)})") : Dimension.Unknown;
    }

    /// <summary>a / b when that is a whole number whatever the names stand for; null otherwise.</summary>
    public static Dimension? Exact(Dimension a, Dimension b)
    {
        if (a.Size == 0 && b.Size != 0)
            return 0;
        if (Parse(a) is not var (ca, atomsA) || Parse(b) is not var (cb, atomsB) || cb == 0 || ca % cb != 0)
            return null;
        var rest = atomsA.ToList();
        if (!atomsB.All(rest.Remove))
            return null;
        return Format(ca / cb, [.. rest]);
    }

    public static Dimension Add(Dimension a, Dimension b)
    {
        if (a.Size is { } x && b.Size is { } y)
            return x + y;
        if (a.Size == 0)
            return b;
        if (b.Size == 0)
            return a;
        if (Parse(a) is not var (ca, atomsA) || Parse(b) is not var (cb, atomsB))
            return Dimension.Unknown;
        if (atomsA.SequenceEqual(atomsB))
            return Format(ca + cb, atomsA);
        if (a.Size is { } constantA)
            return AddConstant(b.Symbol!, constantA);
        if (b.Size is { } constantB)
            return AddConstant(a.Symbol!, constantB);
        return string.CompareOrdinal(a.Symbol, b.Symbol) < 0 ? Atom($"({a.Symbol}+{b.Symbol})") : Atom($"({b.Symbol}+{a.Symbol})");
    }

    public static Dimension Subtract(Dimension a, Dimension b)
    {
        if (a == b && a != Dimension.Unknown)
            return 0;
        return b.Size is { } size ? Add(a, -size) : Add(a, Multiply(b, -1));
    }

    /// <summary>The product of all dimensions, 1 for none.</summary>
    public static Dimension Product(IEnumerable<Dimension> dimensions) => dimensions.Aggregate((Dimension)1, Multiply);

    public static long FloorDivide(long a, long b) => a / b - (a % b != 0 && a < 0 != b < 0 ? 1 : 0);

    static Dimension AddConstant(string symbol, long constant)
    {
        // "(n+1)" plus 2 is "(n+3)": the outermost constant is taken up, so that chains of offsets cancel.
        if (symbol.StartsWith('(') && MatchingParenthesis(symbol) == symbol.Length - 1)
        {
            int sign = symbol.LastIndexOfAny(['+', '-']);
            if (sign > 1 && long.TryParse(symbol.AsSpan(sign, symbol.Length - 1 - sign), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long before)
                && IsTopLevel(symbol, sign))
                return before + constant == 0 ? symbol[1..sign] : Atom($"({symbol[1..sign]}{Signed(before + constant)})");
        }
        return Atom($"({symbol}{Signed(constant)})");
    }

    static bool IsTopLevel(string symbol, int at)
    {
        int depth = 0;
        for (int i = 0; i < at; i++)
            depth += symbol[i] == '(' ? 1 : symbol[i] == ')' ? -1 : 0;
        return depth == 1;
    }

    static int MatchingParenthesis(string symbol)
    {
        int depth = 0;
        for (int i = 0; i < symbol.Length; i++)
        {
            depth += symbol[i] == '(' ? 1 : symbol[i] == ')' ? -1 : 0;
            if (depth == 0)
                return i;
        }
        return -1;
    }

    /// <summary>A dimension as coefficient times names; null when unknown.</summary>
    static (long Coefficient, string[] Atoms)? Parse(Dimension dimension)
    {
        if (dimension.Size is { } size)
            return (size, []);
        if (dimension.Symbol is not { } symbol)
            return null;
        long coefficient = 1;
        var atoms = new List<string>();
        int depth = 0, start = 0;
        for (int i = 0; i <= symbol.Length; i++)
        {
            if (i == symbol.Length || symbol[i] == '*' && depth == 0)
            {
                string factor = symbol[start..i].Trim();
                if (long.TryParse(factor, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
                    coefficient *= number;
                else
                    atoms.Add(factor);
                start = i + 1;
            }
            else
                depth += symbol[i] == '(' ? 1 : symbol[i] == ')' ? -1 : 0;
        }
        atoms.Sort(StringComparer.Ordinal);
        return (coefficient, [.. atoms]);
    }

    static Dimension Format(long coefficient, string[] atoms)
    {
        if (atoms.Length == 0 || coefficient == 0)
            return coefficient;
        Array.Sort(atoms, StringComparer.Ordinal);
        string product = string.Join('*', atoms);
        return Atom(coefficient == 1 ? product : $"{Text(coefficient)}*{product}");
    }

    static Dimension Atom(string symbol) => symbol.Length > LongestSymbol ? Dimension.Unknown : new Dimension(null, symbol);

    static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    static string Signed(long number) => number < 0 ? Text(number) : "+" + Text(number);
}
