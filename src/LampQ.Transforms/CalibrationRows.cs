using LampQ.Quantization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Rows of a pipeline as samples of the quantizer.</summary>
static class CalibrationRows
{
    /// <summary>Reads rows.</summary>
    /// <param name="data">The pipeline's data.</param>
    /// <param name="input">The column and the model input it feeds.</param>
    /// <param name="label">The column of classes; null where there is none.</param>
    /// <param name="classes">Classes that the model tells apart; 0 where it does not state them.</param>
    /// <param name="options">How many rows, and which.</param>
    /// <exception cref="InvalidOperationException">There are no rows, or a row has another length, a value that is no finite number, or a class that the model does not know.</exception>
    /// <remarks>Only rows that are drawn are asked for their values: a lazy source decodes no others. Never more than the drawn ones are in memory.</remarks>
    public static SampleSet Read(IDataView data, BoundInput input, DataViewSchema.Column? label, int classes, LampQOptions options)
    {
        DataViewSchema.Column[] columns = label is { } given ? [input.Column, given] : [input.Column];
        using var cursor = data.GetRowCursor(columns);
        var get = cursor.GetGetter<VBuffer<float>>(input.Column);
        var getLabel = label is { } column ? LabelOf(cursor, column) : null;
        int most = options.RowsToCalibrate, limit = classes > 0 ? classes : int.MaxValue;
        bool firstRows = options.CalibrationSampling == CalibrationSampling.FirstRows;
        var draw = new Reservoir(most, options.Quantization.Seed);
        var samples = new List<float[]>();
        var labels = new List<int?>();
        VBuffer<float> value = default;
        while (!(firstRows && samples.Count == most) && cursor.MoveNext())
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            if (draw.Next() is not { } place)
                continue;
            get(ref value);
            if (value.Length != input.Size)
                throw SchemaErrors.WrongLength(cursor.Position, input, value.Length);
            if (place == samples.Count)
            {
                samples.Add(new float[input.Size]);
                labels.Add(null);
            }
            value.CopyTo(samples[place]);
            if (samples[place].AsSpan().IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) is >= 0 and var at)
                throw SchemaErrors.NotFinite(cursor.Position, input, at, samples[place][at]);
            decimal? found = getLabel?.Invoke();
            if (found >= limit)
                throw SchemaErrors.WrongClass(cursor.Position, label!.Value.Name, found.Value, limit);
            labels[place] = (int?)found;
        }
        if (samples.Count == 0)
            throw new InvalidOperationException($"The data have no rows; calibration needs one at least in column '{input.Column.Name}'.");
        // Some rows without a class leave no accuracy to report.
        var set = SampleSet.FromTensors(input.Axes, samples, labels.All(l => l is not null) ? [.. labels.Select(l => l!.Value)] : null);
        // Sensitivity and ranges take the first samples: sorted data must not stand in order.
        return firstRows ? set : set.Sample(set.Count, options.Quantization.Seed);
    }

    /// <summary>Whether a column can hold classes.</summary>
    public static bool IsLabel(DataViewType type) =>
        type is KeyDataViewType || (type is NumberDataViewType && type != NumberDataViewType.Single && type != NumberDataViewType.Double);

    // A decimal holds whole numbers of every type.
    static Func<decimal?> LabelOf(DataViewRow row, DataViewSchema.Column column) =>
        (Func<decimal?>)Generic.Call(typeof(CalibrationRows), nameof(Typed), column.Type.RawType, row, column);

    static Func<decimal?> Typed<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var get = row.GetGetter<T>(column);
        // A key counts from 1 and has 0 where it is missing.
        int first = column.Type is KeyDataViewType ? 1 : 0;
        T value = default!;
        return () =>
        {
            get(ref value);
            decimal number = Convert.ToDecimal(value, null) - first;
            return number < 0 ? null : number;
        };
    }
}
