using System.Collections;

namespace Microsoft.ML.Data;

/// <summary>A vector, dense or sparse, over arrays that may be longer than what is used of them.</summary>
public readonly struct VBuffer<T> : IEnumerable
{
    public readonly int Length;
    readonly T[]? values;
    readonly int[]? indices;
    readonly int count;

    public VBuffer(int length, T[] values, int[]? indices = null) : this(length, length, values, indices) { }

    public VBuffer(int length, int count, T[] values, int[]? indices)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, length);
        if ((values?.Length ?? 0) < count)
            throw new ArgumentException($"{count} values are used of {values?.Length ?? 0}.", nameof(values));
        if (count < length && (indices?.Length ?? 0) < count)
            throw new ArgumentException($"{count} indices are used of {indices?.Length ?? 0}.", nameof(indices));
        Length = length;
        this.count = count;
        this.values = values;
        this.indices = indices;
    }

    public bool IsDense => count == Length;

    internal T[]? ValueArray => values;

    internal int[]? IndexArray => indices;

    public ReadOnlySpan<T> GetValues() => values.AsSpan(0, count);

    public ReadOnlySpan<int> GetIndices() => IsDense ? default : indices.AsSpan(0, count);

    public void CopyToDense(ref VBuffer<T> destination)
    {
        var editor = VBufferEditor.Create(ref destination, Length);
        CopyTo(editor.Values);
        destination = editor.Commit();
    }

    public void CopyTo(ref VBuffer<T> destination)
    {
        var editor = VBufferEditor.Create(ref destination, Length, count);
        GetValues().CopyTo(editor.Values);
        if (!IsDense)
            GetIndices().CopyTo(editor.Indices);
        destination = editor.Commit();
    }

    public void CopyTo(ref VBuffer<T> destination, int sourceIndex, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sourceIndex);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sourceIndex + (long)length, Length, nameof(length));
        var dense = new T[Length];
        CopyTo(dense);
        var editor = VBufferEditor.Create(ref destination, length);
        dense.AsSpan(sourceIndex, length).CopyTo(editor.Values);
        destination = editor.Commit();
    }

    public void CopyTo(Span<T> destination) => CopyTo(destination, 0);

    public void CopyTo(Span<T> destination, int destinationIndex, T defaultValue = default!)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(destinationIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destinationIndex + (long)Length, destination.Length, nameof(destination));
        var target = destination.Slice(destinationIndex, Length);
        if (IsDense)
        {
            GetValues().CopyTo(target);
            return;
        }
        target.Fill(defaultValue);
        for (int i = 0; i < count; i++)
            target[indices![i]] = values![i];
    }

    public static void Copy(T[] source, int sourceIndex, ref VBuffer<T> destination, int length)
    {
        var editor = VBufferEditor.Create(ref destination, length);
        source.AsSpan(sourceIndex, length).CopyTo(editor.Values);
        destination = editor.Commit();
    }

    public IEnumerable<KeyValuePair<int, T>> Items(bool all = false)
    {
        if (all)
            return DenseValues().Select((value, index) => KeyValuePair.Create(index, value));
        var self = this;
        return Enumerable.Range(0, count).Select(i => KeyValuePair.Create(self.IsDense ? i : self.indices![i], self.values![i]));
    }

    public IEnumerable<T> DenseValues()
    {
        var dense = new T[Length];
        CopyTo(dense);
        return dense;
    }

    public void GetItemOrDefault(int index, ref T destination) => destination = GetItemOrDefault(index);

    public T GetItemOrDefault(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Length);
        if (IsDense)
            return values![index];
        int at = Array.BinarySearch(indices!, 0, count, index);
        return at < 0 ? default! : values![at];
    }

    public override string ToString() => IsDense ? $"Dense vector of size {Length}" : $"Sparse vector of size {Length}, {count} explicit values";

    public IEnumerator GetEnumerator() => DenseValues().GetEnumerator();
}
