using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed partial class DataViewSchema
{
    /// <summary>Named values that describe a column.</summary>
    public sealed class Annotations
    {
        readonly Delegate[] getters;

        Annotations(IReadOnlyList<(DetachedColumn Column, Delegate Getter)> entries)
        {
            Schema = new DataViewSchema([.. entries.Select(e => e.Column)]);
            getters = [.. entries.Select(e => e.Getter)];
        }

        public static Annotations Empty { get; } = new([]);

        public DataViewSchema Schema { get; }

        public ValueGetter<TValue> GetGetter<TValue>(Column column) => getters[column.Index] as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Invalid TValue: '{typeof(TValue)}', expected type: '{column.Type.RawType}'.");

        public void GetValue<TValue>(string kind, ref TValue value) => GetGetter<TValue>(Schema[kind])(ref value);

        public override string ToString() => string.Join(", ", Schema.Select(c => c.Name));

        public sealed class Builder
        {
            readonly List<(DetachedColumn Column, Delegate Getter)> entries = [];

            public void Add(Annotations? annotations, Func<string, bool> selector)
            {
                if (annotations is null)
                    return;
                foreach (var column in annotations.Schema.Where(c => selector(c.Name)))
                    entries.Add((new DetachedColumn(column), annotations.getters[column.Index]));
            }

            public void Add<TValue>(string name, DataViewType type, ValueGetter<TValue> getter, Annotations? annotations = null) => Add(name, type, (Delegate)getter, annotations);

            public void Add(string name, DataViewType type, Delegate getter, Annotations? annotations = null) => entries.Add((new DetachedColumn(name, type, annotations), getter));

            public void AddPrimitiveValue<TValue>(string name, PrimitiveDataViewType type, TValue value, Annotations? annotations = null) =>
                Add(name, type, (ref TValue target) => target = value, annotations);

            public Annotations ToAnnotations() => new(entries);
        }
    }
}
