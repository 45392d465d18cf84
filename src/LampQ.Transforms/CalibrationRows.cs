using LampQ.Quantization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>The first rows of a pipeline as samples of the quantizer.</summary>
static class CalibrationRows
{
    /// <summary>Reads rows.</summary>
    /// <param name="data">The pipeline's data.</param>
    /// <param name="input">The column and the model input it feeds.</param>
    /// <param name="label">The column of classes; null where there is none.</param>
    /// <param name="most">Rows that are read at most.</param>
    /// <param name="cancellation">Cancels between two rows.</param>
    /// <exception cref="InvalidOperationException">There are no rows, or a row has another length.</exception>
    public static SampleSet Read(IDataView data, BoundInput input, DataViewSchema.Column? label, int most, CancellationToken cancellation)
    {
        DataViewSchema.Column[] columns = label is { } given ? [input.Column, given] : [input.Column];
        using var cursor = data.GetRowCursor(columns);
        var get = cursor.GetGetter<VBuffer<float>>(input.Column);
        var getLabel = label is { } column ? LabelOf(cursor, column) : null;
        var samples = new List<float[]>();
        var labels = new List<int?>();
        VBuffer<float> value = default;
        while (samples.Count < most && cursor.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            get(ref value);
            if (value.Length != input.Size)
                throw SchemaErrors.WrongLength(cursor.Position, input, value.Length);
            float[] sample = new float[input.Size];
            value.CopyTo(sample);
            samples.Add(sample);
            labels.Add(getLabel?.Invoke());
        }
        if (samples.Count == 0)
            throw new InvalidOperationException($"The data have no rows; calibration needs one at least in column '{input.Column.Name}'.");
        // Some rows without a class leave no accuracy to report.
        return SampleSet.FromTensors(input.Axes, samples, labels.All(l => l is not null) ? [.. labels.Select(l => l!.Value)] : null);
    }

    /// <summary>Whether a column can hold classes.</summary>
    public static bool IsLabel(DataViewType type) =>
        type is KeyDataViewType || (type is NumberDataViewType && type != NumberDataViewType.Single && type != NumberDataViewType.Double);

    static Func<int?> LabelOf(DataViewRow row, DataViewSchema.Column column) =>
        (Func<int?>)Generic.Call(typeof(CalibrationRows), nameof(Typed), column.Type.RawType, row, column);

    static Func<int?> Typed<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var get = row.GetGetter<T>(column);
        bool isKey = column.Type is KeyDataViewType;
        T value = default!;
        return () =>
        {
            get(ref value);
            long number = Convert.ToInt64(value, null);
            // A key counts from 1 and has 0 where it is missing.
            return isKey ? number == 0 ? null : checked((int)(number - 1)) : number < 0 ? null : checked((int)number);
        };
    }
}
