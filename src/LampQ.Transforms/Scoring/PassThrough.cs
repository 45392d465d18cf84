using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Keeps a source column's values of the rows of a batch, so that they are still there when the source has moved on.</summary>
abstract class PassThrough
{
    public static PassThrough Of(DataViewRow source, DataViewSchema.Column column, int capacity) => column.Type is VectorDataViewType vector
        ? (PassThrough)Generic.Call(typeof(PassThrough), nameof(OfVector), vector.ItemType.RawType, source, column, capacity)
        : (PassThrough)Generic.Call(typeof(PassThrough), nameof(OfValue), column.Type.RawType, source, column, capacity);

    /// <summary>Keeps the value of the row that the source stands on.</summary>
    public abstract void Read(int slot);

    public abstract Delegate Getter(Func<int> slot);

    static PassThrough OfValue<T>(DataViewRow source, DataViewSchema.Column column, int capacity) => new Values<T>(source.GetGetter<T>(column), capacity);

    static PassThrough OfVector<T>(DataViewRow source, DataViewSchema.Column column, int capacity) => new Vectors<T>(source.GetGetter<VBuffer<T>>(column), capacity);

    sealed class Values<T>(ValueGetter<T> get, int capacity) : PassThrough
    {
        readonly T[] values = new T[capacity];

        public override void Read(int slot)
        {
            // Getters of images dispose what they find in their target, and the row before may still be in somebody's hands.
            T value = default!;
            get(ref value);
            values[slot] = value;
        }

        public override Delegate Getter(Func<int> slot) => new ValueGetter<T>((ref T value) => value = values[slot()]);
    }

    sealed class Vectors<T>(ValueGetter<VBuffer<T>> get, int capacity) : PassThrough
    {
        readonly VBuffer<T>[] values = new VBuffer<T>[capacity];

        public override void Read(int slot) => get(ref values[slot]);

        public override Delegate Getter(Func<int> slot) => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) => values[slot()].CopyTo(ref value));
    }
}
