using System.Collections.Immutable;
using Microsoft.ML.Data;

namespace Microsoft.ML
{
    public static class DebuggerExtensions
    {
        public static DataDebuggerPreview Preview(this IDataView data, int maxRows = 100) => new(data, maxRows);
    }
}

namespace Microsoft.ML.Data
{
    public static class ColumnCursorExtensions
    {
        /// <summary>The values of one column, as the members of a user's class would have them.</summary>
        public static IEnumerable<T> GetColumn<T>(this IDataView data, string columnName) =>
            data.GetColumn<T>(data.Schema.GetColumnOrNull(columnName) ?? throw new ArgumentOutOfRangeException(nameof(columnName), $"Column '{columnName}' not found"));

        public static IEnumerable<T> GetColumn<T>(this IDataView data, DataViewSchema.Column column)
        {
            if (typeof(T) == column.Type.RawType)
                return Values<T, T>(data, column, v => v);
            if (typeof(T) == typeof(string) && column.Type is TextDataViewType)
                return Values<ReadOnlyMemory<char>, T>(data, column, v => (T)(object)v.ToString());
            if (typeof(T).IsArray && column.Type is VectorDataViewType vector && vector.ItemType.RawType == typeof(T).GetElementType())
                return (IEnumerable<T>)Generic.Call(typeof(ColumnCursorExtensions), nameof(Arrays), vector.ItemType.RawType, data, column)!;
            throw new InvalidOperationException($"Could not map a data view column '{column.Name}' of type {column.Type} to {typeof(T)}.");
        }

        static IEnumerable<T[]> Arrays<T>(IDataView data, DataViewSchema.Column column) => Values<VBuffer<T>, T[]>(data, column, v => [.. v.DenseValues()]);

        static IEnumerable<TResult> Values<T, TResult>(IDataView data, DataViewSchema.Column column, Func<T, TResult> convert)
        {
            using var cursor = data.GetRowCursor([column]);
            var get = cursor.GetGetter<T>(column);
            while (cursor.MoveNext())
            {
                T value = default!;
                get(ref value);
                yield return convert(value);
            }
        }
    }

    /// <summary>The first rows.</summary>
    public sealed class DataDebuggerPreview
    {
        internal DataDebuggerPreview(IDataView data, int maxRows)
        {
            Schema = data.Schema;
            using var cursor = data.GetRowCursor(data.Schema);
            var readers = data.Schema.Select(c => (Func<object?>)Generic.Call(typeof(DataDebuggerPreview), nameof(Reader), c.Type.RawType, cursor, c)!).ToArray();
            var rows = ImmutableArray.CreateBuilder<RowInfo>();
            while (rows.Count < maxRows && cursor.MoveNext())
                rows.Add(new RowInfo([.. data.Schema.Select((c, i) => KeyValuePair.Create(c.Name, readers[i]()!))]));
            RowView = rows.ToImmutable();
        }

        public DataViewSchema Schema { get; }

        public ImmutableArray<RowInfo> RowView { get; }

        static Func<object?> Reader<T>(DataViewRow row, DataViewSchema.Column column)
        {
            var get = row.GetGetter<T>(column);
            return () =>
            {
                T value = default!;
                get(ref value);
                return value;
            };
        }

        public sealed class RowInfo
        {
            internal RowInfo(KeyValuePair<string, object>[] values) => Values = values;

            public KeyValuePair<string, object>[] Values { get; }
        }
    }
}
