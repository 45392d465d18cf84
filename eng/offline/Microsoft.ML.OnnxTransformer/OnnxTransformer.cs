using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Onnx;

[assembly: LoadableClass(typeof(OnnxTransformer), OnnxTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms.Onnx;

/// <summary>Scores an ONNX model, one row a run, as ML.NET does.</summary>
public sealed class OnnxScoringEstimator : TrivialEstimator<OnnxTransformer>
{
    internal OnnxScoringEstimator(OnnxTransformer transformer) : base(transformer) { }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        foreach (string input in Transformer.Inputs)
        {
            var expected = Transformer.ItemType(input);
            if (inputSchema.Require(input) is var found && !found.ItemType.Equals(expected))
                throw Errors.WrongColumn(nameof(inputSchema), input, expected, found.ItemType);
        }
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(Transformer.Outputs.Select(o => new DataViewSchema.DetachedColumn(o, Transformer.OutputType(o))));
        return inputSchema.With(SchemaShape.Create(builder.ToSchema()));
    }
}

/// <inheritdoc cref="OnnxScoringEstimator"/>
public sealed class OnnxTransformer : RowToRowTransformerBase, IDisposable
{
    internal const string LoaderSignature = "OnnxTransform";

    readonly byte[] model;
    readonly InferenceSession session;
    bool disposed;

    internal OnnxTransformer(byte[] model, string[] inputs, string[] outputs)
    {
        this.model = model;
        using var options = new SessionOptions();
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        try
        {
            session = new InferenceSession(model, options);
            InitializerTypes.Check(model);
        }
        catch (Exception e) when (e is OnnxRuntimeException or NotSupportedException)
        {
            throw new InvalidOperationException($"Error initializing model :{e}", e);
        }
        Inputs = inputs.Length == 0 ? [.. session.InputMetadata.Keys] : inputs;
        Outputs = outputs.Length == 0 ? [.. session.OutputMetadata.Keys] : outputs;
        foreach (string input in Inputs.Where(i => !session.InputMetadata.ContainsKey(i)))
            throw new ArgumentException($"Input tensor, {input}, does not exist in the ONNX model. Available input names are [{string.Join(",", session.InputMetadata.Keys)}].", nameof(inputs));
        foreach (string output in Outputs.Where(o => !session.OutputMetadata.ContainsKey(o)))
            throw new ArgumentException($"Ouput tensor, {output}, does not exist in the ONNX model. Available output names are [{string.Join(",", session.OutputMetadata.Keys)}].", nameof(outputs));
    }

    internal string[] Inputs { get; }

    internal string[] Outputs { get; }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        session.Dispose();
    }

    internal PrimitiveDataViewType ItemType(string input) => TypeOf(session.InputMetadata[input]);

    internal DataViewType OutputType(string output)
    {
        var metadata = session.OutputMetadata[output];
        if (metadata.Dimensions.Length == 0)
            return TypeOf(metadata);
        int[] axes = Axes(metadata);
        return axes.Any(d => d == 0) ? new VectorDataViewType(TypeOf(metadata), 0) : new VectorDataViewType(TypeOf(metadata), axes);
    }

    internal static OnnxTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        using var reader = new BinaryReader(new MemoryStream(ctx.LoadBinaryStream("OnnxModel")));
        byte[] model = reader.ReadBytes(reader.ReadInt32());
        string[] inputs = Names(ctx), outputs = Names(ctx);
        if (ctx.Reader.ReadInt32() != 0)
            throw new NotSupportedException("The stand-in for ML.NET reads no custom shapes.");
        return new OnnxTransformer(model, inputs, outputs);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(new VersionInfo("ONNXSCOR", 0x00010003, 0x00010003, LoaderSignature, VersionInfo.Official("Microsoft.ML.OnnxTransformer")));
        ctx.SaveBinaryStream("OnnxModel", w =>
        {
            w.Write(model.Length);
            w.Write(model);
        });
        foreach (string[] names in (ReadOnlySpan<string[]>)[Inputs, Outputs])
        {
            ctx.Writer.Write(names.Length);
            foreach (string name in names)
                ctx.SaveString(name);
        }
        ctx.Writer.Write(0);
        ctx.Writer.Write(100);
    }

    private protected override MappedSchema Bind(DataViewSchema input) => new Mapping(this, input);

    static string[] Names(ModelLoadContext ctx)
    {
        string[] names = new string[ctx.Reader.ReadInt32()];
        for (int i = 0; i < names.Length; i++)
            names[i] = ctx.LoadString();
        return names;
    }

    // An open first axis is one row; other open axes stay open.
    static int[] Axes(NodeMetadata metadata) => [.. metadata.Dimensions.Select((d, i) => d > 0 ? d : i == 0 ? 1 : 0)];

    static PrimitiveDataViewType TypeOf(NodeMetadata metadata) => metadata.ElementType == typeof(bool) ? BooleanDataViewType.Instance
        : NumberDataViewType.All.FirstOrDefault(n => n.RawType == metadata.ElementType) ?? throw new NotSupportedException($"Onnx type not supported: {metadata.ElementType}");

    sealed class Mapping : MappedSchema
    {
        readonly OnnxTransformer parent;
        readonly (string Name, DataViewSchema.Column Column, int[] Axes)[] inputs;

        public Mapping(OnnxTransformer parent, DataViewSchema schema) : base(schema, [.. parent.Outputs.Select(o => new DataViewSchema.DetachedColumn(ColumnName(o), parent.OutputType(o)))])
        {
            this.parent = parent;
            inputs = [.. parent.Inputs.Select(name =>
            {
                var column = schema.GetColumnOrNull(name) ?? throw Errors.MissingColumn("inputSchema", name);
                var metadata = parent.session.InputMetadata[name];
                var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
                if (!item.Equals(TypeOf(metadata)))
                    throw Errors.WrongColumn("inputSchema", name, TypeOf(metadata), column.Type);
                int[] axes = Axes(metadata);
                if (axes.Count(a => a == 0) > 1)
                    throw new ArgumentOutOfRangeException(name, "Only 1 unknown dimension is allowed");
                int values = column.Type is VectorDataViewType known ? known.Size : 1, needed = axes.Aggregate(1, (product, d) => product * d);
                if (needed > 0 && values % needed != 0)
                    throw new InvalidOperationException($"Input shape mismatch: Input '{name}' has shape {string.Join(",", axes)}, but input data is of length {values}.");
                return (name, column, axes);
            })];
        }

        // ML.NET's own exports give outputs a suffix that its columns have not.
        static string ColumnName(string output) => output.EndsWith(".output", StringComparison.Ordinal) ? output.Replace(".output", "", StringComparison.Ordinal) : output;

        protected override IEnumerable<int> Dependencies(ISet<int> added) => inputs.Select(i => i.Column.Index);

        protected override Delegate?[] MakeGetters(DataViewRow source, ISet<int> added)
        {
            var readers = inputs.Select(i => (Func<NamedOnnxValue>)Generic.Call(typeof(Mapping), nameof(Reader),
                i.Column.Type is VectorDataViewType vector ? vector.ItemType.RawType : i.Column.Type.RawType, source, i.Column, i.Axes)!).ToArray();
            var run = new Run(parent, source, readers, [.. parent.Outputs.Where((_, i) => added.Contains(i))]);
            return [.. parent.Outputs.Select((o, i) => !added.Contains(i) ? null
                : (Delegate)Generic.Call(typeof(Mapping), parent.OutputType(o) is VectorDataViewType ? nameof(Vector) : nameof(Scalar), parent.session.OutputMetadata[o].ElementType, run, o)!)];
        }

        static Func<NamedOnnxValue> Reader<T>(DataViewRow row, DataViewSchema.Column column, int[] axes)
        {
            if (column.Type is not VectorDataViewType)
            {
                var get = row.GetGetter<T>(column);
                return () =>
                {
                    T value = default!;
                    get(ref value);
                    return NamedOnnxValue.CreateFromTensor(column.Name, new DenseTensor<T>(new[] { value }, [1, 1]));
                };
            }
            var getVector = row.GetGetter<VBuffer<T>>(column);
            VBuffer<T> vector = default;
            return () =>
            {
                getVector(ref vector);
                int known = axes.Where(a => a > 0).Aggregate(1, (product, a) => product * a);
                int[] shape = [.. axes.Select(a => a > 0 ? a : vector.Length / known)];
                return NamedOnnxValue.CreateFromTensor(column.Name, new DenseTensor<T>(vector.DenseValues().ToArray(), shape));
            };
        }

        static Delegate Vector<T>(Run run, string output) => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) =>
        {
            var tensor = (DenseTensor<T>)run.Output(output).AsTensor<T>();
            var editor = VBufferEditor.Create(ref value, (int)tensor.Length);
            tensor.Buffer.Span.CopyTo(editor.Values);
            value = editor.Commit();
        });

        static Delegate Scalar<T>(Run run, string output) => new ValueGetter<T>((ref T value) => value = run.Output(output).AsTensor<T>().GetValue(0));
    }

    /// <summary>One run a row, however many outputs are asked for.</summary>
    sealed class Run(OnnxTransformer parent, DataViewRow row, Func<NamedOnnxValue>[] readers, string[] outputs)
    {
        IDisposableReadOnlyCollection<DisposableNamedOnnxValue>? results;
        long position = -1;

        public DisposableNamedOnnxValue Output(string name)
        {
            if (position != row.Position || results is null)
            {
                ObjectDisposedException.ThrowIf(parent.disposed, parent);
                results?.Dispose();
                results = parent.session.Run([.. readers.Select(r => r())], outputs);
                position = row.Position;
            }
            return results.First(r => r.Name == name);
        }
    }
}
