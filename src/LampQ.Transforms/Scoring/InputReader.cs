using System.Runtime.InteropServices;
using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Copies a column's values into the batch that a model input takes.</summary>
abstract class InputReader(BoundInput input) : IDisposable
{
    Tensor? whole;

    public string Name => input.Port.Name;

    /// <summary>The buffer, for all rows of a whole batch.</summary>
    protected abstract byte[] Bytes { get; }

    public static InputReader Of(BoundInput input, DataViewRow row, int capacity, InputBuffers buffers) =>
        (InputReader)Generic.Call(typeof(InputReader), nameof(Create), input.Port.Item.RawType, input, row, capacity, buffers);

    /// <summary>Copies the value of the row that the source stands on.</summary>
    /// <param name="slot">Its place in the batch.</param>
    /// <exception cref="InvalidOperationException">It has another number of values than the model takes.</exception>
    public abstract void Read(int slot);

    /// <summary>The first rows of the batch, over the buffer itself: valid until the next row is read.</summary>
    public Tensor Batch(int rows)
    {
        int length = rows * input.Size * input.Port.Element.SizeInBits() / 8;
        return length == Bytes.Length ? whole ??= Over(rows, length) : Over(rows, length);
    }

    public abstract void Dispose();

    // A tensor's bytes must not change while it is used: the next row is read when the run is over.
    Tensor Over(int rows, int length) => Tensor.OfBytes(input.Port.Element, Bytes.AsMemory(0, length), [rows, .. input.Axes.Select(a => (long)a)]);

    static InputReader Create<T>(BoundInput input, DataViewRow row, int capacity, InputBuffers buffers) where T : unmanaged =>
        input.Column.Type is VectorDataViewType ? new Vector<T>(input, row, capacity, buffers) : new Scalar<T>(input, row, capacity, buffers);

    abstract class Typed<T>(BoundInput input, int capacity, InputBuffers buffers) : InputReader(input) where T : unmanaged
    {
        protected InputBuffer<T>? Buffer { get; private set; } = buffers.Take<T>(checked(capacity * input.Size));

        protected override byte[] Bytes => Buffer!.Bytes;

        protected Span<T> Values => MemoryMarshal.Cast<byte, T>(Bytes.AsSpan());

        public override void Dispose()
        {
            if (Buffer is { } mine)
                buffers.GiveBack(mine);
            Buffer = null;
        }
    }

    sealed class Vector<T>(BoundInput input, DataViewRow row, int capacity, InputBuffers buffers) : Typed<T>(input, capacity, buffers) where T : unmanaged
    {
        readonly BoundInput bound = input;
        readonly DataViewRow source = row;
        readonly ValueGetter<VBuffer<T>> get = row.GetGetter<VBuffer<T>>(input.Column);

        public override void Read(int slot)
        {
            get(ref Buffer!.Value);
            // ML.NET itself lets vectors of another length, and null as length 0, through.
            if (Buffer.Value.Length != bound.Size)
                throw SchemaErrors.WrongLength(source.Position, bound, Buffer.Value.Length);
            // Sparse vectors too become dense here.
            Buffer.Value.CopyTo(Values.Slice(slot * bound.Size, bound.Size));
        }
    }

    sealed class Scalar<T>(BoundInput input, DataViewRow row, int capacity, InputBuffers buffers) : Typed<T>(input, capacity, buffers) where T : unmanaged
    {
        readonly ValueGetter<T> get = row.GetGetter<T>(input.Column);

        public override void Read(int slot) => get(ref Values[slot]);
    }
}
