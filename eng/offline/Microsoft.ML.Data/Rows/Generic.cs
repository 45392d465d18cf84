using System.Reflection;
using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Data;

/// <summary>Calls generic methods with types known at run time.</summary>
static class Generic
{
    public static object? Call(Type owner, string method, Type argument, params object?[] arguments) => Call(owner, null, method, argument, arguments);

    public static object? Call(Type owner, object? target, string method, Type argument, params object?[] arguments)
    {
        try
        {
            return owner.GetMethod(method, BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!.MakeGenericMethod(argument).Invoke(target, arguments);
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            ExceptionDispatchInfo.Throw(e.InnerException);
            throw;
        }
    }

    public static Delegate Getter(DataViewRow row, DataViewSchema.Column column) =>
        (Delegate)Call(typeof(Generic), nameof(TypedGetter), column.Type.RawType, row, column)!;

    public static ValueGetter<TValue> Typed<TValue>(Delegate getter, DataViewSchema.Column column) =>
        getter as ValueGetter<TValue> ?? throw Errors.WrongValueType(typeof(TValue), column.Type.RawType);

    static Delegate TypedGetter<T>(DataViewRow row, DataViewSchema.Column column) => row.GetGetter<T>(column);
}
