using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(typeof(CustomMappingLoader), CustomMappingLoader.LoaderSignature)]

namespace Microsoft.ML
{
    public static class CustomMappingCatalog
    {
        public static CustomMappingEstimator<TSrc, TDst> CustomMapping<TSrc, TDst>(this TransformsCatalog catalog, Action<TSrc, TDst> mapAction, string? contractName,
            SchemaDefinition? inputSchemaDefinition = null, SchemaDefinition? outputSchemaDefinition = null) where TSrc : class, new() where TDst : class, new() =>
            new(new CustomMappingTransformer<TSrc, TDst>(mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition));
    }
}

namespace Microsoft.ML.Transforms
{
    /// <summary>Finds a mapping again after loading, by its contract's name.</summary>
    public abstract class CustomMappingFactory<TSrc, TDst> : ICustomMappingFactory where TSrc : class, new() where TDst : class, new()
    {
        public abstract Action<TSrc, TDst> GetMapping();

        ITransformer ICustomMappingFactory.Create(string contract) => new CustomMappingTransformer<TSrc, TDst>(GetMapping(), contract, null, null);
    }

    interface ICustomMappingFactory
    {
        ITransformer Create(string contract);
    }

    /// <summary>The contract's name.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
    public sealed class CustomMappingFactoryAttributeAttribute : ExtensionBaseAttribute
    {
        public CustomMappingFactoryAttributeAttribute(string contractName) : base(contractName) { }
    }

    /// <summary>Columns computed by the user's method.</summary>
    public sealed class CustomMappingEstimator<TSrc, TDst> : TrivialEstimator<CustomMappingTransformer<TSrc, TDst>> where TSrc : class, new() where TDst : class, new()
    {
        internal CustomMappingEstimator(CustomMappingTransformer<TSrc, TDst> transformer) : base(transformer) { }

        public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            foreach (var wanted in Transformer.InputShape)
            {
                var found = inputSchema.Require(wanted.Name);
                bool fits = found.ItemType.Equals(wanted.ItemType) && found.IsKey == wanted.IsKey
                    && (wanted.Kind == SchemaShape.Column.VectorKind.VariableVector ? found.Kind != SchemaShape.Column.VectorKind.Scalar : found.Kind == wanted.Kind);
                if (!fits)
                    throw Errors.WrongColumn(nameof(inputSchema), wanted.Name, wanted.Describe(), found.Describe());
            }
            return inputSchema.With(Transformer.AddedShape);
        }
    }

    /// <inheritdoc cref="CustomMappingEstimator{TSrc, TDst}"/>
    public sealed class CustomMappingTransformer<TSrc, TDst> : ITransformer where TSrc : class, new() where TDst : class, new()
    {
        readonly Action<TSrc, TDst> map;
        readonly string? contract;
        readonly SchemaDefinition? inputDefinition;
        readonly ObjectSchema<TDst> added;

        internal CustomMappingTransformer(Action<TSrc, TDst> map, string? contract, SchemaDefinition? inputDefinition, SchemaDefinition? outputDefinition)
        {
            ArgumentNullException.ThrowIfNull(map);
            this.map = map;
            this.contract = contract;
            this.inputDefinition = inputDefinition;
            added = new ObjectSchema<TDst>(outputDefinition ?? SchemaDefinition.Create(typeof(TDst), SchemaDefinition.Direction.Write));
        }

        bool ITransformer.IsRowToRowMapper => true;

        internal SchemaShape InputShape
        {
            get
            {
                var builder = new DataViewSchema.Builder();
                foreach (var column in inputDefinition ?? SchemaDefinition.Create(typeof(TSrc), SchemaDefinition.Direction.Write))
                    builder.AddColumn(column.ColumnName, column.ColumnType);
                return SchemaShape.Create(builder.ToSchema());
            }
        }

        internal SchemaShape AddedShape => SchemaShape.Create(added.Schema);

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new Mapping(inputSchema, this).Output;

        public IDataView Transform(IDataView input) => new MappedView(input, new Mapping(input.Schema, this));

        IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => new MappedRows(new Mapping(inputSchema, this));

        void ICanSaveModel.Save(ModelSaveContext ctx)
        {
            if (contract is null)
                throw new InvalidOperationException("Empty contract name for a transform: the transform cannot be saved");
            ctx.SetVersionInfo(new VersionInfo("CUSTOMXF", 0x00010002, 0x00010002, CustomMappingLoader.LoaderSignature, VersionInfo.Official("Microsoft.ML.Transforms")));
            ctx.SaveString(contract);
            ctx.SaveString(map.Method.DeclaringType!.Assembly.FullName!);
        }

        sealed class Mapping : MappedSchema
        {
            readonly CustomMappingTransformer<TSrc, TDst> parent;
            readonly ObjectFiller<TSrc> filler;

            public Mapping(DataViewSchema input, CustomMappingTransformer<TSrc, TDst> parent) : base(input, [.. parent.added.Schema.Select(c => new DataViewSchema.DetachedColumn(c))])
            {
                this.parent = parent;
                filler = new ObjectFiller<TSrc>(input, false, parent.inputDefinition);
            }

            protected override IEnumerable<int> Dependencies(ISet<int> added) => filler.Columns.Select(c => c.Index);

            protected override Delegate?[] MakeGetters(DataViewRow source, ISet<int> added)
            {
                var fill = filler.Bind(source);
                var (input, output) = (new TSrc(), new TDst());
                long served = -1;
                TDst Current()
                {
                    if (served != source.Position)
                    {
                        fill(input);
                        parent.map(input, output);
                        served = source.Position;
                    }
                    return output;
                }
                return [.. parent.added.Schema.Select(c => added.Contains(c.Index) ? parent.added.Getter(c.Index, Current) : null)];
            }
        }
    }

    static class CustomMappingLoader
    {
        internal const string LoaderSignature = "CustomTransformer";

        internal static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
        {
            string contract = ctx.LoadString();
            env.ComponentCatalog.RegisterAssembly(System.Reflection.Assembly.Load(ctx.LoadString()));
            return env.ComponentCatalog.Extension(typeof(CustomMappingFactoryAttributeAttribute), contract) is ICustomMappingFactory factory ? factory.Create(contract)
                : throw new InvalidOperationException($"The class with contract '{contract}' must derive from CustomMappingFactory.");
        }
    }
}
