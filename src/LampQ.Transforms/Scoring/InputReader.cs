using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Copies a column's values into the batch that a model input takes.</summary>
abstract class InputReader(BoundInput input, byte[] buffer)
{
    readonly int rowBytes = input.Size * input.Port.Element.SizeInBits() / 8;
    Tensor? whole;

    public string Name => input.Port.Name;

    public static InputReader Of(BoundInput input, DataViewRow row, int capacity) =>
        (InputReader)Generic.Call(typeof(InputReader), nameof(Create), input.Port.Item.RawType, input, row, capacity);

    /// <summary>Copies the value of the row that the source stands on.</summary>
    /// <param name="slot">Its place in the batch.</param>
    /// <exception cref="InvalidOperationException">It has another number of values than the model takes.</exception>
    public abstract void Read(int slot);

    /// <summary>The first rows of the batch, over the buffer itself: valid until the next row is read.</summary>
    public Tensor Batch(int rows) => rows * rowBytes == buffer.Length ? whole ??= Over(rows) : Over(rows);

    // A tensor's bytes must not change while it is used: the next row is read when the run is over.
    Tensor Over(int rows) => Tensor.OfBytes(input.Port.Element, buffer.AsMemory(0, rows * rowBytes), [rows, .. input.Axes.Select(a => (long)a)]);

    static InputReader Create<T>(BoundInput input, DataViewRow row, int capacity) where T : unmanaged
    {
        byte[] buffer = new byte[checked(capacity * input.Size * Unsafe.SizeOf<T>())];
        return input.Column.Type is VectorDataViewType ? new Vector<T>(input, row, buffer) : new Scalar<T>(input, row, buffer);
    }

    sealed class Vector<T>(BoundInput input, DataViewRow row, byte[] buffer) : InputReader(input, buffer) where T : unmanaged
    {
        readonly ValueGetter<VBuffer<T>> get = row.GetGetter<VBuffer<T>>(input.Column);
        readonly BoundInput bound = input;
        readonly byte[] bytes = buffer;
        VBuffer<T> value;

        public override void Read(int slot)
        {
            get(ref value);
            // ML.NET itself lets vectors of another length, and null as length 0, through.
            if (value.Length != bound.Size)
                throw new InvalidOperationException($"Row {row.Position} (the first is 0): column '{bound.Column.Name}' holds {value.Length} values; the model input '{bound.Port.Name}' takes {bound.Size} {bound.Port.AxesText}.{(value.Length == 0 ? " Is the value missing?" : "")}");
            // Sparse vectors too become dense here.
            value.CopyTo(MemoryMarshal.Cast<byte, T>(bytes.AsSpan()).Slice(slot * bound.Size, bound.Size));
        }
    }

    sealed class Scalar<T>(BoundInput input, DataViewRow row, byte[] buffer) : InputReader(input, buffer) where T : unmanaged
    {
        readonly ValueGetter<T> get = row.GetGetter<T>(input.Column);
        readonly byte[] bytes = buffer;

        public override void Read(int slot) => get(ref MemoryMarshal.Cast<byte, T>(bytes.AsSpan())[slot]);
    }
}
