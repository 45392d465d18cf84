using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <inheritdoc cref="SaveFormat.Mapping"/>
/// <remarks>
/// The saved chain: a mapping adds a key to every row; MapValue, ML.NET's only step whose table holds text of any length, turns the key into the model;
/// the inputs are copied under fixed names; a mapping scores; each output is cut into pieces and put together under its own name (see <see cref="VectorPieces"/>);
/// the helper columns are dropped.
/// </remarks>
sealed class MappingFormat : SaveFormat
{
    public override string Name => "mapping";

    internal override VectorDataViewType TypeOf(ModelPort output) => new(output.Item, output.Size);

    internal override void Save(LampQTransformer transformer, ModelSaveContext context)
    {
        Check(transformer.Model, transformer.Names);
        // The steps learn nothing: they are fitted on no rows, with vectors of any length in the place of the inputs.
        var chain = Chain(transformer).Fit(EmptyRows.Of(transformer.MLContext, transformer.Names.Inputs));
        ((ICanSaveModel)chain).Save(context);
    }

    internal override byte[] ReadModel(MLContext mlContext, ITransformer loaded, Func<string, byte[]> readEntry)
    {
        // The first two steps of the saved chain turn any row into the model's text.
        var steps = ((IEnumerable<ITransformer>)loaded).Take(2);
        var rows = steps.Aggregate(mlContext.Data.LoadFromEnumerable([new AnyRow()]), (view, step) => step.Transform(view));
        string text = rows.GetColumn<string>(Helper.State).First();
        return StepState.OfBytes(StateText.Decode(text)).Model;
    }

    static void Check(ScoringModel model, ColumnNames names)
    {
        const string next = "Save the step as ONNX (OnnxSaveFormat in LampQ.Transforms.Onnx).";
        var ports = model.Inputs.Concat(model.Outputs.Take(names.Outputs.Count));
        if (ports.FirstOrDefault(p => p.Element != ElementType.Float) is { } port)
            throw new NotSupportedException($"The model's '{port.Name}' holds {port.Element}; custom mappings are saved for Float alone. {next}");
        if (names.Inputs.Count > Helper.Inputs.Length || names.Outputs.Count > Helper.Outputs.Length)
            throw new NotSupportedException($"The step has {names.Inputs.Count} inputs and {names.Outputs.Count} outputs; {Helper.Inputs.Length} of each can be saved as mappings. {next}");
    }

    static EstimatorChain<ITransformer> Chain(LampQTransformer transformer)
    {
        var (transforms, names) = (transformer.MLContext.Transforms, transformer.Names);
        string state = StateText.Encode(new StepState(transformer.Model.Bytes, names.Outputs.Count, transformer.Threads).ToBytes());
        List<string> helpers = [Helper.Key, Helper.State, .. Helper.Outputs];

        var chain = new EstimatorChain<ITransformer>()
            .Append<ITransformer>(transforms.CustomMapping<NoColumns, KeyColumn>(ScoreMapping.Key, Contracts.Key))
            .Append<ITransformer>(transforms.Conversion.MapValue(Helper.State, new[] { KeyValuePair.Create(Helper.KeyValue, state) }, Helper.Key));
        for (int i = 0; i < names.Inputs.Count; i++)
        {
            chain = chain.Append<ITransformer>(transforms.CopyColumns(Helper.Inputs[i], names.Inputs[i]));
            helpers.Add(Helper.Inputs[i]);
        }
        chain = chain.Append(Scoring(transforms, names.Inputs.Count));
        for (int i = 0; i < names.Outputs.Count; i++)
        {
            int size = transformer.Model.Outputs[i].Size;
            if (size == 0)
            {
                chain = chain.Append<ITransformer>(transforms.CopyColumns(names.Outputs[i], Helper.Outputs[i]));
                continue;
            }
            chain = chain
                .Append<ITransformer>(transforms.CopyColumns(Helper.Value, Helper.Outputs[i]))
                .Append<ITransformer>(transforms.CustomMapping<WholeVector, VectorPieces>(ScoreMapping.Cut, Contracts.Pieces))
                .Append<ITransformer>(transforms.Concatenate(names.Outputs[i], [.. VectorPieces.Powers(size).Select(Helper.Piece)]));
            helpers.AddRange([Helper.Value, .. Enumerable.Range(0, 21).Select(Helper.Piece)]);
        }
        return chain.Append<ITransformer>(transforms.DropColumns([.. helpers.Distinct()]));
    }

    static IEstimator<ITransformer> Scoring(TransformsCatalog transforms, int inputs) => inputs switch
    {
        1 => transforms.CustomMapping<ScoreInputs1, ScoreOutputs>(ScoreMapping.Score, Contracts.Score1),
        2 => transforms.CustomMapping<ScoreInputs2, ScoreOutputs>(ScoreMapping.Score, Contracts.Score2),
        3 => transforms.CustomMapping<ScoreInputs3, ScoreOutputs>(ScoreMapping.Score, Contracts.Score3),
        _ => transforms.CustomMapping<ScoreInputs4, ScoreOutputs>(ScoreMapping.Score, Contracts.Score4),
    };

    sealed class AnyRow
    {
        public float Anything { get; set; }
    }
}
