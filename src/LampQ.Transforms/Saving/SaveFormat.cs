using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>
/// How a step is written into ML.NET's model file. ML.NET lets third parties write no bytes of their own, so a step is saved as built-in steps that
/// compute the same and load anywhere.
/// </summary>
public abstract class SaveFormat
{
    internal const string OnnxName = "onnx";

    private protected SaveFormat() { }

    /// <summary>
    /// Custom mappings that carry the model as text and run it with LampQ: loads by a plain <c>mlContext.Model.Load</c> where LampQ.Transforms is present.
    /// Float inputs and outputs, four of each at most. Outputs are flat vectors.
    /// </summary>
    public static SaveFormat Mapping { get; } = new MappingFormat();

    /// <summary>Its name in manifests.</summary>
    public abstract string Name { get; }

    /// <summary>Whether the saved form runs operators of <c>ai.lampq</c>, which packed models have.</summary>
    internal virtual bool RunsPackedModels => true;

    /// <summary>The column type of a model output: the one the saved form has too, so that a schema is the same before and after loading.</summary>
    internal abstract VectorDataViewType TypeOf(ModelPort output);

    /// <summary>Writes a step.</summary>
    internal abstract void Save(LampQTransformer transformer, ModelSaveContext context);

    /// <summary>The model that a saved step carries.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="loaded">What a plain load made of the step.</param>
    /// <param name="readEntry">Reads an entry of the step's folder in the file.</param>
    internal abstract byte[] ReadModel(MLContext mlContext, ITransformer loaded, Func<string, byte[]> readEntry);

    /// <summary>The format of a name; that of way A lives in an assembly of its own, because it needs a package more.</summary>
    /// <exception cref="NotSupportedException">That assembly is missing.</exception>
    /// <exception cref="InvalidDataException">There is no such format.</exception>
    internal static SaveFormat Find(string name)
    {
        if (name == Mapping.Name)
            return Mapping;
        if (name != OnnxName)
            throw new InvalidDataException($"The model was saved as '{name}'; this LampQ reads {Mapping.Name} and {OnnxName}. Use a newer one.");
        var type = Type.GetType("LampQ.Transforms.OnnxSaveFormat, LampQ.Transforms.Onnx")
            ?? throw new NotSupportedException($"The model was saved as '{name}', which LampQ.Transforms.Onnx reads. Add that package.");
        return (SaveFormat)type.GetProperty("Instance")!.GetValue(null)!;
    }
}
