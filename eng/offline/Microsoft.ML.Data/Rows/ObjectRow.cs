namespace Microsoft.ML.Data;

/// <summary>Reads objects of a class as rows.</summary>
sealed class ObjectSchema<TRow> where TRow : class
{
    readonly Func<Func<TRow>, Delegate>[] makeGetters;

    public ObjectSchema(SchemaDefinition? definition)
    {
        definition ??= SchemaDefinition.Create(typeof(TRow), SchemaDefinition.Direction.Read);
        var members = Member.AllOf(typeof(TRow), SchemaDefinition.Direction.Read).ToDictionary(m => m.Info.Name);
        var builder = new DataViewSchema.Builder();
        foreach (var column in definition)
            builder.AddColumn(column.ColumnName, column.ColumnType, column.Annotations);
        Schema = builder.ToSchema();
        makeGetters = [.. definition.Select(c => MakeGetter(c, members.TryGetValue(c.MemberName, out var member) ? member
            : throw new ArgumentException($"No field or property with name '{c.MemberName}' found in type '{typeof(TRow)}'.")))];
    }

    public DataViewSchema Schema { get; }

    public Delegate Getter(int column, Func<TRow> row) => makeGetters[column](row);

    static Func<Func<TRow>, Delegate> MakeGetter(SchemaDefinition.Column column, Member member)
    {
        if (column.ColumnType.RawType != member.RawType)
            throw new InvalidOperationException($"Column '{column.ColumnName}' is {column.ColumnType}, but member '{member.Info.Name}' is {member.Type}.");
        if (column.ColumnType is KeyDataViewType key)
            return (Func<Func<TRow>, Delegate>)Generic.Call(typeof(ObjectSchema<TRow>), nameof(Key), member.RawItem, member, key.Count)!;
        string method = !member.IsVector ? member.Type == typeof(string) ? nameof(Text) : nameof(Scalar)
            : member.Type.IsArray ? member.Item == typeof(string) ? nameof(Texts) : nameof(Items) : nameof(Buffer);
        return (Func<Func<TRow>, Delegate>)Generic.Call(typeof(ObjectSchema<TRow>), method, member.RawItem, member)!;
    }

    static Func<Func<TRow>, Delegate> Scalar<T>(Member member)
    {
        var read = member.Reader<TRow, T>();
        return row => new ValueGetter<T>((ref T value) => value = read(row()));
    }

    /// <summary>Objects count keys from 0, columns from 1 with 0 for none; a number beyond the last key is none.</summary>
    static Func<Func<TRow>, Delegate> Key<T>(Member member, ulong count) where T : System.Numerics.IBinaryInteger<T>
    {
        var read = member.Reader<TRow, T>();
        return row => new ValueGetter<T>((ref T value) => value = ulong.CreateTruncating(read(row())) < count ? read(row()) + T.One : T.Zero);
    }

    static Func<Func<TRow>, Delegate> Text<T>(Member member)
    {
        var read = member.Reader<TRow, string?>();
        return row => new ValueGetter<ReadOnlyMemory<char>>((ref ReadOnlyMemory<char> value) => value = read(row()).AsMemory());
    }

    static Func<Func<TRow>, Delegate> Items<T>(Member member)
    {
        var read = member.Reader<TRow, T[]?>();
        return row => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) =>
        {
            var items = read(row());
            VBuffer<T>.Copy(items ?? [], 0, ref value, items?.Length ?? 0);
        });
    }

    static Func<Func<TRow>, Delegate> Texts<T>(Member member)
    {
        var read = member.Reader<TRow, string?[]?>();
        return row => new ValueGetter<VBuffer<ReadOnlyMemory<char>>>((ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            ReadOnlyMemory<char>[] items = [.. (read(row()) ?? []).Select(s => s.AsMemory())];
            VBuffer<ReadOnlyMemory<char>>.Copy(items, 0, ref value, items.Length);
        });
    }

    static Func<Func<TRow>, Delegate> Buffer<T>(Member member)
    {
        var read = member.Reader<TRow, VBuffer<T>>();
        return row => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) => read(row()).CopyTo(ref value));
    }
}

/// <summary>One object as a row, moved by <see cref="Extract"/>.</summary>
sealed class ObjectRow<TRow>(ObjectSchema<TRow> schema) : DataViewRow where TRow : class
{
    TRow? current;
    long position = -1;

    public override long Position => position;

    public override long Batch => 0;

    public override DataViewSchema Schema => schema.Schema;

    public void Extract(TRow example)
    {
        ArgumentNullException.ThrowIfNull(example);
        current = example;
        position++;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)position, 0);

    public override bool IsColumnActive(DataViewSchema.Column column) => true;

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Generic.Typed<TValue>(schema.Getter(column.Index, () => current!), column);
}
