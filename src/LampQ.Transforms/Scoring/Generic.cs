using System.Reflection;
using System.Runtime.ExceptionServices;

namespace LampQ.Transforms;

/// <summary>Calls a generic method with a type known at run time: column types are.</summary>
static class Generic
{
    public static object Call(Type owner, string method, Type argument, params object?[] arguments)
    {
        try
        {
            return owner.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(argument).Invoke(null, arguments)!;
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            ExceptionDispatchInfo.Throw(e.InnerException);
            throw;
        }
    }
}
