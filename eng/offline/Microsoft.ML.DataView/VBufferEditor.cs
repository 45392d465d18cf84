namespace Microsoft.ML.Data;

/// <summary>Makes the arrays of a vector writable, in place where they are long enough.</summary>
public static class VBufferEditor
{
    public static VBufferEditor<T> Create<T>(ref VBuffer<T> destination, int newLogicalLength, int? valuesCount = null, int? maxValuesCapacity = null,
        bool keepOldOnResize = false, bool requireIndicesOnDense = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(newLogicalLength);
        int count = valuesCount ?? newLogicalLength;
        ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(valuesCount));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, newLogicalLength, nameof(valuesCount));
        bool needsIndices = count < newLogicalLength || requireIndicesOnDense;
        var values = Grown(destination.ValueArray, count, maxValuesCapacity ?? newLogicalLength, keepOldOnResize, out bool newValues);
        var indices = destination.IndexArray;
        bool newIndices = false;
        if (needsIndices)
            indices = Grown(indices, count, maxValuesCapacity ?? newLogicalLength, keepOldOnResize, out newIndices);
        return new VBufferEditor<T>(newLogicalLength, count, values, indices, needsIndices, newValues, newIndices);
    }

    static TItem[] Grown<TItem>(TItem[]? array, int count, int most, bool keep, out bool isNew)
    {
        isNew = array is null || array.Length < count;
        if (!isNew)
            return array!;
        var larger = new TItem[Math.Min(Math.Max(count, keep ? (array?.Length ?? 0) * 2 : count), Math.Max(most, count))];
        if (keep && array is not null)
            array.CopyTo(larger, 0);
        return larger;
    }
}

/// <summary>The writable arrays; <see cref="Commit"/> makes them a vector.</summary>
public readonly ref struct VBufferEditor<T>
{
    public readonly Span<T> Values;
    public readonly Span<int> Indices;
    readonly int length;
    readonly T[] values;
    readonly int[]? indices;

    internal VBufferEditor(int length, int count, T[] values, int[]? indices, bool withIndices, bool newValues, bool newIndices)
    {
        this.length = length;
        this.values = values;
        this.indices = indices;
        Values = values.AsSpan(0, count);
        Indices = withIndices ? indices.AsSpan(0, count) : default;
        CreatedNewValues = newValues;
        CreatedNewIndices = newIndices;
    }

    public bool CreatedNewValues { get; }

    public bool CreatedNewIndices { get; }

    public VBuffer<T> Commit() => new(length, Values.Length, values, indices);

    public VBuffer<T> CommitTruncated(int physicalValuesCount)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(physicalValuesCount, Values.Length);
        return new(length, physicalValuesCount, values, indices);
    }
}
