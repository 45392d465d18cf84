using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary>An image classifier in a file: one float input [batch, ..], class scores [batch, classes] as first output.</summary>
sealed class ClassifierModel
{
    ClassifierModel(string path, Model model, Value input)
    {
        Path = path;
        Model = model;
        InputName = input.Name;
        FixedBatch = (int?)input.Shape![0].Size;
        SampleShape = [.. input.Shape.Skip(1)];
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The model as it was read.</summary>
    public Model Model { get; }

    /// <summary>Name of the input.</summary>
    public string InputName { get; }

    /// <summary>Images a run where the model fixes them; null where it takes any number.</summary>
    public int? FixedBatch { get; }

    /// <summary>Shape of one image, as far as the model fixes it.</summary>
    public IReadOnlyList<Dimension> SampleShape { get; }

    /// <summary>Height and width of a picture [3, H, W]; null where the model leaves them open, or takes something else.</summary>
    public ImageSize? ImageSize => SampleShape is [_, { Size: { } height }, { Size: { } width }] ? new ImageSize((int)height, (int)width) : null;

    /// <summary>Shape of one image where all of it is fixed; else null.</summary>
    public IReadOnlyList<int>? FixedShape => SampleShape.All(d => d.Size is not null) ? [.. SampleShape.Select(d => (int)d.Size!.Value)] : null;

    /// <summary>Reads a model file.</summary>
    /// <exception cref="CommandError">It is missing, broken, or no image classifier.</exception>
    public static ClassifierModel Read(string path)
    {
        var model = ModelFile.Read(path);
        if (model.Graph.Inputs is not [var input])
            throw CommandError.Model($"The model '{path}' has {model.Graph.Inputs.Count} inputs ({string.Join(", ", model.Graph.Inputs.Select(i => i.Name))}); expected one, the images.");
        if (input.Type != ElementType.Float)
            throw CommandError.Model($"The input '{input.Name}' of '{path}' holds {input.Type}; expected Float. Export the model in single precision.");
        if (input.Shape is not { Count: >= 2 } || input.Shape.Any(d => d.Size is 0 or > int.MaxValue))
            throw CommandError.Model($"The input '{input.Name}' of '{path}' has {(input.Shape is null ? "no shape" : $"the shape [{string.Join(",", input.Shape)}]")}; expected [batch, ..], for example [batch, 3, 224, 224].");
        if (model.Graph.Outputs.Count == 0)
            throw CommandError.Model($"The model '{path}' has no output; expected class scores [batch, classes].");
        return new ClassifierModel(path, model, input);
    }

    /// <summary>Loads it into ONNX Runtime, with LampQ's operators where it is packed.</summary>
    /// <exception cref="CommandError">ONNX Runtime refuses it.</exception>
    public ModelSession Open(OnnxSessionOptions options) =>
        CommandError.BlameModel<ModelSession>(Path, () => Model.Opsets.ContainsKey(LampQDomain.Name) ? LampQSession.Load(Path, new LampQSessionOptions(options)) : new OnnxSession(Model, options));

    /// <summary>Loads a quantized model for its speed: with LampQ's kernels wherever they apply.</summary>
    /// <exception cref="CommandError">ONNX Runtime refuses it.</exception>
    public LampQSession OpenFast(OnnxSessionOptions options) => CommandError.BlameModel(Path, () => LampQSession.Load(Path, new LampQSessionOptions(options)));

    /// <summary>Number of classes, found by running the model once on zeros.</summary>
    /// <param name="session">The model.</param>
    /// <param name="shape">Shape of one image.</param>
    /// <exception cref="CommandError">It does not run, or returns something else than [batch, classes], or NaN.</exception>
    public int CountClasses(ModelSession session, IReadOnlyList<int> shape) => CommandError.BlameModel(Path, () =>
    {
        int batch = FixedBatch ?? 1;
        long[] dimensions = [batch, .. shape.Select(d => (long)d)];
        var zeros = Tensor.Of(new float[dimensions.Aggregate(1L, (product, d) => checked(product * d))], dimensions);
        var scores = session.Run(new Dictionary<string, Tensor> { [InputName] = zeros }, [session.OutputNames[0]])[0];
        if (scores.Type != ElementType.Float || scores.Shape is not [var rows, > 0 and var classes] || rows != batch)
            throw new NotSupportedException($"The output '{session.OutputNames[0]}' is {scores} for {batch} image(s); expected scores Float[{batch},classes] of a classifier as first output.");
        // NaN in a weight, a bias or a norm reaches the scores even from zeros: NaN·0 is NaN.
        if (scores.ToFloats().Any(float.IsNaN))
            throw new InvalidDataException($"The scores '{session.OutputNames[0]}' of an empty image are NaN; expected numbers. Export the model again from a good checkpoint.");
        return (int)classes;
    });

    /// <summary>Checks that there are images for one run at least.</summary>
    /// <exception cref="CommandError">The model fixes its batch, and there are fewer.</exception>
    public void CheckCount(int images)
    {
        if (images < FixedBatch)
            throw CommandError.Usage($"There are {images} calibration images, but the model '{Path}' takes {FixedBatch} at once. Give at least as many, or export it with another batch.");
    }

    /// <summary>Checks that samples fit the input.</summary>
    /// <exception cref="CommandError">They have another shape: the data are to blame.</exception>
    public void CheckShape(SampleSet samples, string dataPath)
    {
        if (samples.Shape.Count != SampleShape.Count || samples.Shape.Zip(SampleShape).Any(p => p.Second.Size is { } size && size != p.First))
            throw CommandError.Usage($"The data '{dataPath}' are [{string.Join(",", samples.Shape)}] after preprocessing; the input '{InputName}' of '{Path}' takes [{string.Join(",", SampleShape)}]. Set --resize and --crop to its size, or give other data.");
    }
}
