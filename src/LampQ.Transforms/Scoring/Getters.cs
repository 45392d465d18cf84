using Microsoft.ML;

namespace LampQ.Transforms;

/// <summary>Refusals that ML.NET's own rows give too.</summary>
static class Getters
{
    public static ValueGetter<T> Typed<T>(Delegate? getter, DataViewSchema.Column column)
    {
        if (getter is null)
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' is not active; ask for it when the cursor is made.");
        return getter as ValueGetter<T> ?? throw new InvalidOperationException($"Invalid TValue: '{typeof(T)}', expected type: '{column.Type.RawType}' for column '{column.Name}'.");
    }
}
