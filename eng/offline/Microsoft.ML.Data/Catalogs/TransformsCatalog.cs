using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>The steps there are.</summary>
public sealed class TransformsCatalog
{
    internal TransformsCatalog(IHostEnvironment environment)
    {
        Environment = environment;
        Conversion = new ConversionTransforms();
    }

    internal IHostEnvironment Environment { get; }

    public ConversionTransforms Conversion { get; }

    public sealed class ConversionTransforms
    {
        internal ConversionTransforms() { }
    }
}

public static class TransformExtensionsCatalog
{
    public static ColumnCopyingEstimator CopyColumns(this TransformsCatalog catalog, string outputColumnName, string inputColumnName) => new(outputColumnName, inputColumnName);

    public static ColumnConcatenatingEstimator Concatenate(this TransformsCatalog catalog, string outputColumnName, params string[] inputColumnNames) => new(outputColumnName, inputColumnNames);

    public static ColumnSelectingEstimator DropColumns(this TransformsCatalog catalog, params string[] columnNames) => new(columnNames);
}

public static class ConversionsExtensionsCatalog
{
    public static ValueMappingEstimator<TInputType, TOutputType> MapValue<TInputType, TOutputType>(this TransformsCatalog.ConversionTransforms catalog, string outputColumnName,
        IEnumerable<KeyValuePair<TInputType, TOutputType>> keyValuePairs, string? inputColumnName = null, bool treatValuesAsKeyType = false)
    {
        if (treatValuesAsKeyType)
            throw new NotSupportedException("The stand-in for ML.NET maps to values only, not to keys.");
        var table = new EnumerableView<Pair<TInputType, TOutputType>>([.. keyValuePairs.Select(p => new Pair<TInputType, TOutputType> { Key = p.Key, Value = p.Value })],
            new ObjectSchema<Pair<TInputType, TOutputType>>(null));
        var stream = new MemoryStream();
        BinaryView.Write(stream, table);
        return new(new ValueMappingTransformer(stream.ToArray(), [(outputColumnName, inputColumnName ?? outputColumnName)]));
    }

    sealed class Pair<TKey, TValue>
    {
        public TKey Key = default!;
        public TValue Value = default!;
    }
}
