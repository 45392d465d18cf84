namespace LampQ.Quantization;

/// <summary>Counts of values in equally wide bins between two bounds; what calibration keeps of a stream of activations.</summary>
public sealed class Histogram
{
    readonly uint[] counts;
    readonly double binsPerUnit;

    /// <summary>An empty histogram.</summary>
    /// <param name="min">Lower bound; smaller values count in the first bin.</param>
    /// <param name="max">Upper bound, at least <paramref name="min"/>; larger values count in the last bin.</param>
    /// <param name="bins">Number of bins.</param>
    public Histogram(float min, float max, int bins)
    {
        if (!float.IsFinite(min) || !float.IsFinite(max) || max < min)
            throw new ArgumentException($"A histogram needs finite bounds in order, got {min} to {max}.");
        (Min, Max) = (min, max);
        counts = new uint[bins];
        BinWidth = ((double)max - min) / bins;
        binsPerUnit = BinWidth > 0 ? 1 / BinWidth : 0;
    }

    /// <summary>Lower bound.</summary>
    public float Min { get; }

    /// <summary>Upper bound.</summary>
    public float Max { get; }

    /// <summary>Width of one bin; 0 when all values are equal.</summary>
    public double BinWidth { get; }

    /// <summary>Values a bin.</summary>
    public ReadOnlySpan<uint> Counts => counts;

    /// <summary>Number of values.</summary>
    public long Total { get; private set; }

    /// <summary>Counts one value.</summary>
    public void Add(float value)
    {
        int bin = (int)((value - (double)Min) * binsPerUnit);
        counts[Math.Clamp(bin, 0, counts.Length - 1)]++;
        Total++;
    }

    /// <summary>Counts some values.</summary>
    public void Add(ReadOnlySpan<float> values)
    {
        // Copies of the fields: the compiler cannot know that counts do not change them.
        var (bins, min, scale) = (counts, (double)Min, binsPerUnit);
        foreach (float value in values)
            bins[Math.Clamp((int)((value - min) * scale), 0, bins.Length - 1)]++;
        Total += values.Length;
    }

    /// <summary>The middle of a bin.</summary>
    public double Center(int bin) => Min + (bin + 0.5) * BinWidth;

    /// <summary>The mean of all values, each taken as the middle of its bin; 0 without any.</summary>
    public double Mean()
    {
        double sum = 0;
        for (int bin = 0; bin < counts.Length; bin++)
            sum += counts[bin] * Center(bin);
        return Total == 0 ? 0 : sum / Total;
    }

    /// <summary>The value below which the given share of all values lies, to within one bin; 0 gives the minimum, 1 the maximum.</summary>
    public float Quantile(double share)
    {
        if (share <= 0 || Total == 0)
            return Min;
        if (share >= 1)
            return Max;
        double wanted = share * Total, seen = 0;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            double next = seen + counts[bin];
            if (next >= wanted && counts[bin] > 0)
                return (float)(Min + (bin + (wanted - seen) / counts[bin]) * BinWidth);
            seen = next;
        }
        return Max;
    }
}
