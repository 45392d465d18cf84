namespace Microsoft.ML.Data;

/// <summary>Values of one column, copied out of a cursor.</summary>
abstract class ValueStore
{
    public static ValueStore Of(DataViewRow row, DataViewSchema.Column column) =>
        (ValueStore)Generic.Call(typeof(ValueStore), column.Type is VectorDataViewType ? nameof(OfVector) : nameof(OfScalar),
            column.Type is VectorDataViewType vector ? vector.ItemType.RawType : column.Type.RawType, row, column)!;

    /// <summary>Keeps the value of the row the cursor is on.</summary>
    public abstract void Add();

    /// <summary>A getter of the value whose number the function gives.</summary>
    public abstract Delegate Getter(Func<int> index);

    static ValueStore OfScalar<T>(DataViewRow row, DataViewSchema.Column column) => new Scalars<T>(row.GetGetter<T>(column));

    static ValueStore OfVector<T>(DataViewRow row, DataViewSchema.Column column) => new Vectors<T>(row.GetGetter<VBuffer<T>>(column));

    sealed class Scalars<T>(ValueGetter<T> get) : ValueStore
    {
        readonly List<T> values = [];

        public override void Add()
        {
            T value = default!;
            get(ref value);
            values.Add(value);
        }

        public override Delegate Getter(Func<int> index) => new ValueGetter<T>((ref T value) => value = values[index()]);
    }

    sealed class Vectors<T>(ValueGetter<VBuffer<T>> get) : ValueStore
    {
        readonly List<VBuffer<T>> values = [];

        public override void Add()
        {
            VBuffer<T> value = default;
            get(ref value);
            values.Add(value);
        }

        public override Delegate Getter(Func<int> index) => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) => values[index()].CopyTo(ref value));
    }
}
