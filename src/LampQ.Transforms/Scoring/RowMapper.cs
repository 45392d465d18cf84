using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>A model for one row at a time, as PredictionEngine needs it.</summary>
sealed class RowMapper(SchemaBinding binding, LampQTransformer transformer) : IRowToRowMapper
{
    public DataViewSchema InputSchema => binding.Input;

    public DataViewSchema OutputSchema => binding.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) => binding.Needs([.. dependingColumns]);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        if (!ReferenceEquals(input.Schema, binding.Input))
            throw new ArgumentException("The row has another schema than the one this mapper was made for; get a mapper for the row's schema.", nameof(input));
        DataViewSchema.Column[] columns = [.. activeColumns];
        return new ScoredRow(input, binding, columns, binding.Outputs(columns).Length == 0 ? null : transformer.NewBatch(binding, input, columns, one: true));
    }

    /// <summary>Runs the model once for each position of its input, however many outputs are read.</summary>
    sealed class ScoredRow : DataViewRow
    {
        readonly DataViewRow input;
        readonly SchemaBinding binding;
        readonly Batch? batch;
        readonly HashSet<int> active;
        long? scored;

        public ScoredRow(DataViewRow input, SchemaBinding binding, DataViewSchema.Column[] columns, Batch? batch)
        {
            this.input = input;
            this.binding = binding;
            this.batch = batch;
            active = [.. columns.Select(c => c.Index)];
        }

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => binding.Output;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
                return Getters.Typed<TValue>(null, Schema[column.Index]);
            return binding.OutputOf(column.Index) is { } output
                ? Getters.Typed<TValue>(batch!.Getter(output, ScoredSlot), Schema[column.Index])
                : input.GetGetter<TValue>(binding.SourceOf(column.Index));
        }

        int ScoredSlot()
        {
            if (scored != input.Position)
            {
                // Forgotten first: after a failure the row before must not be taken for this one.
                scored = null;
                batch!.Read(0);
                batch.Run(1);
                scored = input.Position;
            }
            return 0;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                input.Dispose();
        }
    }
}
