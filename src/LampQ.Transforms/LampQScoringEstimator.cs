using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Scores an ONNX model as it is, in batches: nothing is fitted.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Does this estimator need to look at the data to train its parameters?</term><description>No</description></listheader>
/// <item><term>Input column data type</term><description>Vectors of the model's input types, or scalars where the model takes one value a row</description></item>
/// <item><term>Output column data type</term><description>Vectors of the model's output types, of known size where the model states it</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>LampQ.Transforms; Microsoft.ML.OnnxRuntime (the native library)</description></item>
/// <item><term>Exportable to ONNX</term><description>It is ONNX already; <see cref="LampQTransformer.ExportOnnx"/> writes it</description></item>
/// </list>
/// </remarks>
public sealed class LampQScoringEstimator : IEstimator<LampQTransformer>
{
    readonly MLContext mlContext;
    readonly LampQScoringOptions options;
    readonly ScoringModel model;
    readonly ColumnNames names;

    /// <summary>Reads the model and checks the options.</summary>
    /// <param name="mlContext">Where the step belongs.</param>
    /// <param name="modelFile">An ONNX model, quantized or not.</param>
    /// <param name="options">Columns and batch size; null takes the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range or does not fit the model.</exception>
    /// <exception cref="FileNotFoundException">The model file does not exist.</exception>
    /// <exception cref="InvalidDataException">The model file is not ONNX.</exception>
    /// <exception cref="NotSupportedException">An input or output has a type no column can hold, or no batch axis.</exception>
    public LampQScoringEstimator(MLContext mlContext, string modelFile, LampQScoringOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(modelFile);
        this.mlContext = mlContext;
        this.options = options ?? new LampQScoringOptions();
        this.options.Validate();
        model = ScoringModel.Of(Onnx.Model.Read(modelFile));
        names = ColumnNames.Of(model, this.options);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or holds something else.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        Shapes.Check(inputSchema, model, names);
        return inputSchema.With(names.Outputs.Select((name, i) => (name, (DataViewType)options.SaveAs.TypeOf(model.Outputs[i]))));
    }

    /// <summary>Loads the model; no row is read.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing, or has another type or size.</exception>
    public LampQTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var binding = new SchemaBinding(model, names, options.SaveAs, input.Schema);
        return new LampQTransformer(mlContext, binding.Model, options);
    }
}
