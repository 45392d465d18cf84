namespace LampQ.Onnx;

/// <summary>
/// A rounding rule x ↦ x̂ that never falls as x grows, as a table: x̂ = <paramref name="Values"/>[number of <paramref name="Thresholds"/> at or below x]. Whatever formula a graph holds,
/// its ties are in the thresholds.
/// </summary>
/// <param name="Thresholds">Ascending; each is the smallest float of the next value.</param>
/// <param name="Values">Ascending; one more than thresholds.</param>
public sealed record CodeTable(float[] Thresholds, float[] Values)
{
    /// <summary>The most values of a table: 2⁸ codes, and a zero beside them (<see cref="ZeroState.Extra"/>).</summary>
    public const int MostValues = 257;

    /// <summary>The table of a rule between two floats, found by bisection over the floats between them.</summary>
    /// <param name="rule">Never falls as x grows.</param>
    /// <param name="least">The smallest x that counts; the rule gives smaller ones the same value or they do not occur.</param>
    /// <param name="most">The largest.</param>
    /// <returns>Null where the rule has more than <see cref="MostValues"/> values, one that is not finite, or falls somewhere.</returns>
    public static CodeTable? Of(Func<float, float> rule, float least, float most)
    {
        float value = rule(least), last = rule(most);
        List<float> thresholds = [], values = [value];
        for (long at = Order(least), end = Order(most); value < last;)
        {
            long below = at, above = end;
            while (above - below > 1)
            {
                long middle = (below + above) / 2;
                float found = rule(Float(middle));
                if (found > value)
                    above = middle;
                else if (found == value)
                    below = middle;
                else
                    return null;
            }
            (at, value) = (above, rule(Float(above)));
            thresholds.Add(Float(above));
            values.Add(value);
            if (values.Count > MostValues)
                return null;
        }
        return value == last && values.All(float.IsFinite) ? new CodeTable([.. thresholds], [.. values]) : null;
    }

    /// <summary>x̂; NaN is not at or above any threshold.</summary>
    public float Apply(float x) => Values[Thresholds.Count(t => x >= t)];

    // The integers of floats in their order; both zeros are 0.
    static long Order(float x) => BitConverter.SingleToInt32Bits(x) is var bits && bits >= 0 ? bits : (long)int.MinValue - bits;

    static float Float(long order) => BitConverter.Int32BitsToSingle((int)(order >= 0 ? order : int.MinValue - order));
}
