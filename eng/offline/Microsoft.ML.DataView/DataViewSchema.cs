using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Columns in order; of several with one name the last one counts and the others are hidden. Schemas are compared by reference.</summary>
public sealed partial class DataViewSchema : IReadOnlyList<DataViewSchema.Column>
{
    readonly Column[] columns;
    readonly Dictionary<string, int> indices = [];

    DataViewSchema(IReadOnlyList<DetachedColumn> source)
    {
        for (int i = 0; i < source.Count; i++)
            indices[source[i].Name] = i;
        columns = [.. source.Select((c, i) => new Column(c.Name, i, indices[c.Name] != i, c.Type, c.Annotations))];
    }

    public int Count => columns.Length;

    public Column this[string name] => GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(nameof(name), $"Column '{name}' not found");

    public Column this[int columnIndex] => columnIndex >= 0 && columnIndex < columns.Length ? columns[columnIndex] : throw new ArgumentOutOfRangeException(nameof(columnIndex));

    public Column? GetColumnOrNull(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return indices.TryGetValue(name, out int index) ? columns[index] : null;
    }

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => $"{columns.Length} columns: {string.Join(", ", columns.Select(c => $"{c.Name}: {c.Type}"))}";

    public readonly struct Column
    {
        internal Column(string name, int index, bool isHidden, DataViewType type, Annotations annotations)
        {
            Name = name;
            Index = index;
            IsHidden = isHidden;
            Type = type;
            Annotations = annotations;
        }

        public string Name { get; }

        public int Index { get; }

        public bool IsHidden { get; }

        public DataViewType Type { get; }

        public Annotations Annotations { get; }

        public override string ToString() => $"{Name}: {Type}{(IsHidden ? " (hidden)" : "")}";
    }

    public readonly struct DetachedColumn
    {
        public DetachedColumn(string name, DataViewType type, Annotations? annotations = null)
        {
            ArgumentException.ThrowIfNullOrEmpty(name);
            ArgumentNullException.ThrowIfNull(type);
            Name = name;
            Type = type;
            Annotations = annotations ?? Annotations.Empty;
        }

        public DetachedColumn(Column column) : this(column.Name, column.Type, column.Annotations) { }

        public string Name { get; }

        public DataViewType Type { get; }

        public Annotations Annotations { get; }
    }

    public sealed class Builder
    {
        readonly List<DetachedColumn> columns = [];

        public void AddColumn(string name, DataViewType type, Annotations? annotations = null) => columns.Add(new DetachedColumn(name, type, annotations));

        public void AddColumns(IEnumerable<Column> source) => columns.AddRange(source.Select(c => new DetachedColumn(c)));

        public void AddColumns(IEnumerable<DetachedColumn> source) => columns.AddRange(source);

        public DataViewSchema ToSchema() => new(columns);
    }
}
