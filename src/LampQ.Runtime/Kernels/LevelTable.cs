namespace LampQ.Runtime;

/// <summary>
/// A code as a table (docs/formats.md): level(v) = levels[number of thresholds at or below v], integers of up to 24 bits that are handed on as planes of a byte,
/// level = Σ 256ⁱ·plane i. NaN is not at or above any threshold.
/// </summary>
sealed unsafe class LevelTable
{
    /// <summary>Bytes of the largest level.</summary>
    public const int MostPlanes = 3;

    /// <summary>The largest level.</summary>
    public const int LargestLevel = (1 << (8 * MostPlanes)) - 1;

    /// <summary>Levels of 8-bit codes, and a zero beside them. LampQ.Onnx says it for its tables too, which the native library is compiled without.</summary>
    public const int MostLevels = 257;

    readonly AlignedArray<float> thresholds;
    readonly AlignedArray<int> levels;

    /// <param name="thresholds">Finite, ascending.</param>
    /// <param name="levels">One more, none below the one before it, 0 to 2²⁴ − 1.</param>
    /// <param name="prefix">What the attributes' names begin with, for messages.</param>
    /// <exception cref="InvalidDataException">The table is none.</exception>
    public LevelTable(float[] thresholds, long[] levels, string prefix = "")
    {
        if (thresholds.Length + 1 > MostLevels)
            throw new InvalidDataException($"{prefix}thresholds has {thresholds.Length} elements; at most {MostLevels - 1} are supported.");
        if (levels.Length != thresholds.Length + 1)
            throw new InvalidDataException($"{prefix}levels has {levels.Length} elements; {thresholds.Length} thresholds need {thresholds.Length + 1}.");
        Requires.Finite(thresholds, prefix + "thresholds");
        for (int i = 1; i < thresholds.Length; i++)
            if (!(thresholds[i - 1] < thresholds[i]))
                throw new InvalidDataException($"{prefix}thresholds[{i}] is {thresholds[i]}, behind {thresholds[i - 1]}; ascending numbers are expected.");
        for (int i = 0; i < levels.Length; i++)
            if (levels[i] < (i == 0 ? 0 : levels[i - 1]) || levels[i] > LargestLevel)
                throw new InvalidDataException($"{prefix}levels[{i}] is {levels[i]}; {(i == 0 ? 0 : levels[i - 1])}, the one before it or 0, to {LargestLevel} are expected.");
        (this.thresholds, this.levels) = (new(thresholds), new([.. levels.Select(l => (int)l)]));
        Planes = levels[^1] < 1 << 8 ? 1 : levels[^1] < 1 << 16 ? 2 : 3;
    }

    /// <summary>Bytes of a level: 1 to 3.</summary>
    public int Planes { get; }

    /// <summary>Thresholds; levels are one more.</summary>
    public int Count => thresholds.Length;

    /// <summary>[<see cref="Count"/>].</summary>
    public float* Thresholds => thresholds.Pointer;

    /// <summary>[<see cref="Count"/> + 1].</summary>
    public int* Levels => levels.Pointer;

    /// <summary>The definition.</summary>
    public int Of(float v)
    {
        int code = 0;
        for (int i = 0; i < Count; i++)
            code += v >= thresholds[i] ? 1 : 0;
        return levels[code];
    }

    /// <summary>Thresholds that a value of at most <paramref name="most"/> may reach.</summary>
    public int Reachable(float most)
    {
        int count = Count;
        while (count > 0 && Thresholds[count - 1] > most)
            count--;
        return count;
    }
}
