using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(typeof(ColumnConcatenatingTransformer), ColumnConcatenatingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms
{
    /// <summary>Puts columns of one item type together.</summary>
    public sealed class ColumnConcatenatingEstimator : IEstimator<ColumnConcatenatingTransformer>
    {
        readonly string output;
        readonly string[] inputs;

        internal ColumnConcatenatingEstimator(string output, string[] inputs) => (this.output, this.inputs) = (output, inputs.Length == 0 ? [output] : inputs);

        public ColumnConcatenatingTransformer Fit(IDataView input)
        {
            var transformer = new ColumnConcatenatingTransformer([(output, inputs)]);
            transformer.GetOutputSchema(input.Schema);
            return transformer;
        }

        public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            var columns = inputs.Select(inputSchema.Require).ToArray();
            if (columns.FirstOrDefault(c => !c.ItemType.Equals(columns[0].ItemType)) is { Name: not null } other)
                throw new InvalidOperationException($"Concatenated columns should have the same type. Column '{other.Name}' has type of {other.ItemType}, but expected column type is {columns[0].ItemType}.");
            var kind = columns.Any(c => c.Kind == SchemaShape.Column.VectorKind.VariableVector) ? SchemaShape.Column.VectorKind.VariableVector : SchemaShape.Column.VectorKind.Vector;
            return inputSchema.With(new SchemaShape.Column(output, kind, columns[0].ItemType, false));
        }
    }
}

namespace Microsoft.ML.Data
{
    /// <inheritdoc cref="ColumnConcatenatingEstimator"/>
    public sealed class ColumnConcatenatingTransformer : RowToRowTransformerBase
    {
        internal const string LoaderSignature = "ConcatTransform";

        readonly (string Output, string[] Inputs)[] columns;

        internal ColumnConcatenatingTransformer((string Output, string[] Inputs)[] columns) => this.columns = columns;

        internal static ColumnConcatenatingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
        {
            var columns = new (string, string[])[ctx.Reader.ReadInt32()];
            for (int i = 0; i < columns.Length; i++)
            {
                string output = ctx.LoadString();
                string[] inputs = new string[ctx.Reader.ReadInt32()];
                for (int j = 0; j < inputs.Length; j++)
                {
                    inputs[j] = ctx.LoadString();
                    ctx.LoadStringOrNull();
                }
                columns[i] = (output, inputs);
            }
            return new ColumnConcatenatingTransformer(columns);
        }

        private protected override void SaveModel(ModelSaveContext ctx)
        {
            ctx.SetVersionInfo(new VersionInfo("CONCAT F", 0x00010003, 0x00010003, LoaderSignature, VersionInfo.Official("Microsoft.ML.Data"), "ConcatFunction"));
            ctx.Writer.Write(columns.Length);
            foreach (var (output, inputs) in columns)
            {
                ctx.SaveString(output);
                ctx.Writer.Write(inputs.Length);
                foreach (string input in inputs)
                {
                    ctx.SaveString(input);
                    ctx.SaveStringOrNull(null);
                }
            }
        }

        private protected override MappedSchema Bind(DataViewSchema input) =>
            new Mapping(input, [.. columns.Select(c => (c.Output, c.Inputs.Select(n => input.GetColumnOrNull(n) ?? throw Errors.MissingColumn("inputSchema", n)).ToArray()))]);

        sealed class Mapping(DataViewSchema input, (string Output, DataViewSchema.Column[] Inputs)[] columns)
            : MappedSchema(input, [.. columns.Select(c => new DataViewSchema.DetachedColumn(c.Output, TypeOf(c.Inputs)))])
        {
            protected override IEnumerable<int> Dependencies(ISet<int> added) => added.SelectMany(i => columns[i].Inputs).Select(c => c.Index);

            protected override Delegate?[] MakeGetters(DataViewRow source, ISet<int> added) =>
                [.. columns.Select((c, i) => added.Contains(i) ? (Delegate)Generic.Call(typeof(Mapping), nameof(Getter), ItemOf(c.Inputs[0].Type).RawType, source, c.Inputs)! : null)];

            static Delegate Getter<T>(DataViewRow source, DataViewSchema.Column[] inputs)
            {
                var parts = inputs.Select(c => c.Type is VectorDataViewType ? source.GetGetter<VBuffer<T>>(c) : Single(source.GetGetter<T>(c))).ToArray();
                var values = new VBuffer<T>[parts.Length];
                return new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) =>
                {
                    for (int i = 0; i < parts.Length; i++)
                        parts[i](ref values[i]);
                    var editor = VBufferEditor.Create(ref value, values.Sum(v => v.Length));
                    int at = 0;
                    foreach (var part in values)
                    {
                        part.CopyTo(editor.Values.Slice(at, part.Length));
                        at += part.Length;
                    }
                    value = editor.Commit();
                });
            }

            static ValueGetter<VBuffer<T>> Single<T>(ValueGetter<T> get) => (ref VBuffer<T> value) =>
            {
                var editor = VBufferEditor.Create(ref value, 1);
                get(ref editor.Values[0]);
                value = editor.Commit();
            };

            static VectorDataViewType TypeOf(DataViewSchema.Column[] inputs)
            {
                // One vector keeps its axes; several become one axis.
                if (inputs is [{ Type: VectorDataViewType only }])
                    return only;
                int size = inputs.Any(c => c.Type is VectorDataViewType { IsKnownSize: false }) ? 0 : inputs.Sum(c => c.Type is VectorDataViewType vector ? vector.Size : 1);
                return new VectorDataViewType(ItemOf(inputs[0].Type), size);
            }

            static PrimitiveDataViewType ItemOf(DataViewType type) => type is VectorDataViewType vector ? vector.ItemType : (PrimitiveDataViewType)type;
        }
    }
}
