using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>What is known of a schema before data are seen.</summary>
public sealed class SchemaShape : IReadOnlyList<SchemaShape.Column>
{
    readonly Column[] columns;

    public SchemaShape(IEnumerable<Column> columns) => this.columns = [.. columns];

    public int Count => columns.Length;

    public Column this[int index] => columns[index];

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static SchemaShape Create(DataViewSchema schema) => new(schema.Where(c => !c.IsHidden).Select(Column.Of));

    internal Column? Find(string name)
    {
        foreach (var column in columns)
            if (column.Name == name)
                return column;
        return null;
    }

    internal Column Require(string name) => Find(name) ?? throw Errors.MissingColumn("inputSchema", name);

    /// <summary>The shape with columns added, each in the place of one of its name or at the end.</summary>
    internal SchemaShape With(params IEnumerable<Column> added)
    {
        var result = columns.ToDictionary(c => c.Name);
        foreach (var column in added)
            result[column.Name] = column;
        return new SchemaShape(result.Values);
    }

    public readonly struct Column
    {
        public readonly string Name;
        public readonly VectorKind Kind;
        public readonly DataViewType ItemType;
        public readonly bool IsKey;
        public readonly SchemaShape Annotations;

        internal Column(string name, VectorKind kind, DataViewType itemType, bool isKey, SchemaShape? annotations = null)
        {
            Name = name;
            Kind = kind;
            ItemType = itemType;
            IsKey = isKey;
            Annotations = annotations ?? new SchemaShape([]);
        }

        internal static Column Of(DataViewSchema.Column column)
        {
            var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
            var kind = column.Type is not VectorDataViewType type ? VectorKind.Scalar : type.IsKnownSize ? VectorKind.Vector : VectorKind.VariableVector;
            // A key's shape carries the number type behind it.
            var plain = item is KeyDataViewType key ? NumberDataViewType.All.Single(n => n.RawType == key.RawType) : item;
            return new Column(column.Name, kind, plain, item is KeyDataViewType, new SchemaShape(column.Annotations.Schema.Select(Of)));
        }

        internal Column Renamed(string name) => new(name, Kind, ItemType, IsKey, Annotations);

        internal string Describe() => Kind switch
        {
            VectorKind.Scalar => $"{ItemType}",
            VectorKind.Vector => $"Vector<{ItemType}>",
            _ => $"VarVector<{ItemType}>",
        };

        public enum VectorKind
        {
            Scalar = 0,
            Vector = 1,
            VariableVector = 2,
        }
    }
}
