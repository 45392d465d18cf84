namespace Microsoft.ML.Data;

/// <summary>Writes rows into objects of a class.</summary>
sealed class ObjectFiller<TRow> where TRow : class
{
    readonly List<(Member Member, DataViewSchema.Column Column)> pairs = [];

    /// <summary>Matches members and columns.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing.</exception>
    /// <exception cref="InvalidOperationException">A column has another type.</exception>
    public ObjectFiller(DataViewSchema schema, bool ignoreMissingColumns, SchemaDefinition? definition)
    {
        definition ??= SchemaDefinition.Create(typeof(TRow), SchemaDefinition.Direction.Write);
        var members = Member.AllOf(typeof(TRow), SchemaDefinition.Direction.Both).ToDictionary(m => m.Info.Name);
        foreach (var wanted in definition)
        {
            var member = members[wanted.MemberName];
            if (schema.GetColumnOrNull(wanted.ColumnName) is not { } column)
            {
                if (ignoreMissingColumns)
                    continue;
                throw new ArgumentOutOfRangeException(nameof(schema), $"Could not find column '{wanted.ColumnName}'");
            }
            if (!Fits(column.Type, wanted.ColumnType))
                throw new InvalidOperationException($"Can't bind the IDataView column '{column.Name}' of type '{column.Type}' to field or property '{member.Info.Name}' of type '{member.Type}'.");
            pairs.Add((member, column));
        }
    }

    public IEnumerable<DataViewSchema.Column> Columns => pairs.Select(p => p.Column);

    /// <summary>Copies the row's values into an object, arrays anew unless the member's length fits.</summary>
    public Action<TRow> Bind(DataViewRow row)
    {
        var setters = pairs.Select(p => (Action<TRow>)Generic.Call(typeof(ObjectFiller<TRow>), Setter(p.Member), p.Member.RawItem, p.Member, p.Column, row)!).ToArray();
        return target =>
        {
            foreach (var set in setters)
                set(target);
        };
    }

    static bool Fits(DataViewType column, DataViewType member)
    {
        if (column is not VectorDataViewType vector)
            return column.RawType == member.RawType;
        return member is VectorDataViewType wanted && wanted.ItemType.RawType == vector.ItemType.RawType && (!wanted.IsKnownSize || wanted.Size == vector.Size);
    }

    static string Setter(Member member) => !member.IsVector ? member.Type == typeof(string) ? nameof(Text) : nameof(Scalar)
        : member.Type.IsArray ? member.Item == typeof(string) ? nameof(Texts) : nameof(Items) : nameof(Buffer);

    static Action<TRow> Scalar<T>(Member member, DataViewSchema.Column column, DataViewRow row)
    {
        var get = row.GetGetter<T>(column);
        var set = member.Writer<TRow, T>();
        T value = default!;
        return target =>
        {
            get(ref value);
            set(target, value);
        };
    }

    static Action<TRow> Text<T>(Member member, DataViewSchema.Column column, DataViewRow row)
    {
        var get = row.GetGetter<ReadOnlyMemory<char>>(column);
        var set = member.Writer<TRow, string>();
        ReadOnlyMemory<char> value = default;
        return target =>
        {
            get(ref value);
            set(target, value.ToString());
        };
    }

    static Action<TRow> Items<T>(Member member, DataViewSchema.Column column, DataViewRow row)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        var read = member.Reader<TRow, T[]?>();
        var set = member.Writer<TRow, T[]>();
        VBuffer<T> value = default;
        return target =>
        {
            get(ref value);
            var items = read(target);
            if (items is null || items.Length != value.Length)
                items = new T[value.Length];
            value.CopyTo(items);
            set(target, items);
        };
    }

    static Action<TRow> Texts<T>(Member member, DataViewSchema.Column column, DataViewRow row)
    {
        var get = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
        var set = member.Writer<TRow, string[]>();
        VBuffer<ReadOnlyMemory<char>> value = default;
        return target =>
        {
            get(ref value);
            set(target, [.. value.DenseValues().Select(t => t.ToString())]);
        };
    }

    static Action<TRow> Buffer<T>(Member member, DataViewSchema.Column column, DataViewRow row)
    {
        var get = row.GetGetter<VBuffer<T>>(column);
        var set = member.Writer<TRow, VBuffer<T>>();
        return target =>
        {
            VBuffer<T> value = default;
            get(ref value);
            set(target, value);
        };
    }
}
