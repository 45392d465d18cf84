using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>A step of ML.NET's own that computes one column from another with settings that are saved beside it as text.</summary>
/// <remarks>As <see cref="MappingFormat"/> does it: custom mappings save no state, so MapValue's table carries it.</remarks>
static class TextSteps
{
    /// <param name="transforms">ML.NET's steps.</param>
    /// <param name="settings">What the mapping needs to know.</param>
    /// <param name="source">The column, and the one the mapping reads.</param>
    /// <param name="result">The column, and the one the mapping writes.</param>
    /// <param name="map">The mapping.</param>
    /// <param name="contract">Its name in files.</param>
    public static IEstimator<ITransformer> Of<TSource, TResult>(TransformsCatalog transforms, string settings, (string Name, string Helper) source, (string Name, string Helper) result,
        Action<TSource, TResult> map, string contract) where TSource : class, new() where TResult : class, new()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source.Name);
        ArgumentException.ThrowIfNullOrWhiteSpace(result.Name);
        return new EstimatorChain<ITransformer>()
            .Append<ITransformer>(transforms.CustomMapping<NoColumns, KeyColumn>(ScoreMapping.Key, Contracts.Key))
            .Append<ITransformer>(transforms.Conversion.MapValue(Helper.State, new[] { KeyValuePair.Create(Helper.KeyValue, settings) }, Helper.Key))
            .Append<ITransformer>(transforms.CopyColumns(source.Helper, source.Name))
            .Append<ITransformer>(transforms.CustomMapping(map, contract))
            .Append<ITransformer>(transforms.CopyColumns(result.Name, result.Helper))
            .Append<ITransformer>(transforms.DropColumns(Helper.Key, Helper.State, source.Helper, result.Helper));
    }
}

/// <summary>Settings read from text once, however many rows carry it.</summary>
static class Settings<T> where T : class
{
    // Every row's value refers to the same string.
    static readonly ConditionalWeakTable<string, T> read = [];

    public static T Of(ReadOnlyMemory<char> text, Func<string, T> parse) =>
        MemoryMarshal.TryGetString(text, out string? whole, out int start, out int length) && start == 0 && length == whole.Length
            ? read.GetValue(whole, w => parse(w))
            : parse(text.ToString());
}
