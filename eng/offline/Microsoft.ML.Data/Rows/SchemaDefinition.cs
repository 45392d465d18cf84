using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>Which columns the members of a class stand for.</summary>
public sealed class SchemaDefinition : List<SchemaDefinition.Column>
{
    SchemaDefinition() { }

    public Column this[string columnName]
    {
        // Null where there is none; ML.NET's code knows no nullable annotations.
        get => Find(c => c.ColumnName == columnName)!;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.ColumnName != columnName)
                throw new ArgumentException($"The column name is specified as '{value.ColumnName}' but must match the selector '{columnName}'.", nameof(columnName));
            int index = FindIndex(c => c.ColumnName == columnName);
            if (index >= 0)
                this[index] = value;
            else
                Add(value);
        }
    }

    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        var definition = new SchemaDefinition();
        foreach (var member in Member.AllOf(userType, direction))
        {
            string name = member.Info.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Info.Name;
            if (definition[name] is not null)
                throw new ArgumentException($"Duplicate column name '{name}' detected, this is disallowed", nameof(userType));
            definition.Add(new Column(member.Info.Name, member.DefaultColumnType()) { ColumnName = name });
        }
        return definition;
    }

    public sealed class Column
    {
        readonly DataViewSchema.Annotations.Builder annotations = new();

        internal Column(string memberName, DataViewType columnType)
        {
            MemberName = memberName;
            ColumnName = memberName;
            ColumnType = columnType;
        }

        public string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }

        public DataViewSchema.Annotations Annotations => annotations.ToAnnotations();

        public void AddAnnotation<T>(string kind, T value, DataViewType annotationType) =>
            annotations.Add(kind, annotationType, (ref T target) => target = value);
    }

    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = 3,
    }
}
