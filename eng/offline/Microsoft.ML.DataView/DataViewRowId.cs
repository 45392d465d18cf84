namespace Microsoft.ML.Data;

/// <summary>128 bits that name a row. The mixing of <see cref="Fork"/>, <see cref="Next"/> and <see cref="Combine"/> is not ML.NET's: only that it mixes is relied on.</summary>
public readonly struct DataViewRowId(ulong low, ulong high) : IComparable<DataViewRowId>, IEquatable<DataViewRowId>
{
    public readonly ulong Low = low;
    public readonly ulong High = high;

    public override string ToString() => $"{High:x16}{Low:x16}";

    public int CompareTo(DataViewRowId other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    public bool Equals(DataViewRowId other) => Low == other.Low && High == other.High;

    public override bool Equals(object? obj) => obj is DataViewRowId other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Low, High);

    public DataViewRowId Fork() => new(Mix(Low + 0x9E3779B97F4A7C15), Mix(High ^ Low));

    public DataViewRowId Next() => new(Mix(Low), Mix(High + 1));

    public DataViewRowId Combine(DataViewRowId other) => new(Mix(Low ^ Mix(other.Low)), Mix(High ^ Mix(other.High)));

    static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
