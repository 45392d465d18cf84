using System.Linq.Expressions;
using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>A public field or property of a user's class: fields first, then properties.</summary>
sealed class Member
{
    Member(MemberInfo info)
    {
        Info = info;
        Type = info is FieldInfo field ? field.FieldType : ((PropertyInfo)info).PropertyType;
        Item = Type.IsArray ? Type.GetElementType()! : Type.IsGenericType && Type.GetGenericTypeDefinition() == typeof(VBuffer<>) ? Type.GetGenericArguments()[0] : Type;
    }

    public MemberInfo Info { get; }

    public Type Type { get; }

    /// <summary>The type of one value: of an item where the member is an array or VBuffer.</summary>
    public Type Item { get; }

    public bool IsVector => Item != Type;

    /// <summary>What the column's getters give.</summary>
    public Type RawType => IsVector ? typeof(VBuffer<>).MakeGenericType(RawItem) : RawItem;

    public Type RawItem => Item == typeof(string) ? typeof(ReadOnlyMemory<char>) : Item;

    public static IReadOnlyList<Member> AllOf(Type type, SchemaDefinition.Direction direction)
    {
        const BindingFlags instance = BindingFlags.Public | BindingFlags.Instance;
        bool Fits(PropertyInfo p) => p.GetIndexParameters().Length == 0
            && (direction.HasFlag(SchemaDefinition.Direction.Read) && p.GetGetMethod() is not null
                || direction.HasFlag(SchemaDefinition.Direction.Write) && p.GetSetMethod() is not null);
        return [.. type.GetFields(instance).Cast<MemberInfo>().Concat(type.GetProperties(instance).Where(Fits))
            .Where(m => m.GetCustomAttribute<NoColumnAttribute>() is null).Select(m => new Member(m))];
    }

    public DataViewType DefaultColumnType()
    {
        var axes = Info.GetCustomAttribute<VectorTypeAttribute>();
        if (axes is not null && !IsVector)
            throw new ArgumentException($"Member {Info.Name} marked with VectorTypeAttribute, but does not appear to be a vector type");
        var item = ItemType();
        return !IsVector ? item : axes is { Dimensions.Length: > 0 } ? new VectorDataViewType(item, axes.Dimensions) : new VectorDataViewType(item, 0);
    }

    PrimitiveDataViewType ItemType()
    {
        if (Info.GetCustomAttribute<KeyTypeAttribute>() is { } key)
            return new KeyDataViewType(Item, key.Count ?? KeyDataViewType.Largest(Item));
        if (RawItem == typeof(ReadOnlyMemory<char>))
            return TextDataViewType.Instance;
        if (Item == typeof(bool))
            return BooleanDataViewType.Instance;
        return NumberDataViewType.All.FirstOrDefault(n => n.RawType == Item)
            ?? throw new ArgumentOutOfRangeException(nameof(Type), $"Could not determine an IDataView type and registered custom types for member {Info.Name}");
    }

    public Func<TRow, TValue> Reader<TRow, TValue>()
    {
        var row = Expression.Parameter(typeof(TRow));
        return Expression.Lambda<Func<TRow, TValue>>(Expression.MakeMemberAccess(row, Info), row).Compile();
    }

    public Action<TRow, TValue> Writer<TRow, TValue>()
    {
        var row = Expression.Parameter(typeof(TRow));
        var value = Expression.Parameter(typeof(TValue));
        return Expression.Lambda<Action<TRow, TValue>>(Expression.Assign(Expression.MakeMemberAccess(row, Info), value), row, value).Compile();
    }
}
