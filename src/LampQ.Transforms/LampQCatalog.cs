using LampQ.Quantization;
using LampQ.Transforms;

namespace Microsoft.ML;

/// <summary>LampQ's steps beside ML.NET's own.</summary>
/// <remarks>They take the context itself: a catalog does not give it to third parties.</remarks>
public static class LampQCatalog
{
    /// <summary>Quantizes a float ONNX model for the rows of this pipeline and scores it in batches.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="mlContext">The context.</param>
    /// <param name="outputColumnName">The column for the model's first output.</param>
    /// <param name="inputColumnName">A vector of float of the model's input size.</param>
    /// <param name="modelFile">The float model.</param>
    /// <param name="targetBits">Bits a weight on average, 1 to 8.</param>
    /// <exception cref="ArgumentException">See <see cref="LampQEstimator(MLContext, LampQOptions)"/>, which has all options.</exception>
    public static LampQEstimator LampQ(this TransformsCatalog catalog, MLContext mlContext, string outputColumnName, string inputColumnName, string modelFile,
        double targetBits = 4)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new LampQEstimator(mlContext, new LampQOptions
        {
            ModelFile = modelFile,
            InputColumnNames = [inputColumnName],
            OutputColumnNames = [outputColumnName],
            Quantization = new QuantizationOptions { TargetBits = targetBits },
        });
    }

    /// <summary>Quantizes a float ONNX model for the rows of this pipeline and scores it in batches.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">Everything there is to choose.</param>
    /// <exception cref="ArgumentException">See <see cref="LampQEstimator(MLContext, LampQOptions)"/>.</exception>
    public static LampQEstimator LampQ(this TransformsCatalog catalog, MLContext mlContext, LampQOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new LampQEstimator(mlContext, options);
    }

    /// <summary>Scores a model that is quantized already, in batches, without fitting.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="mlContext">The context.</param>
    /// <param name="outputColumnName">The column for the model's first output.</param>
    /// <param name="inputColumnName">The column for the model's only input.</param>
    /// <param name="modelFile">An ONNX model.</param>
    /// <param name="batchSize">Rows run at once, 1 to 4096.</param>
    /// <exception cref="ArgumentException">See <see cref="LampQScoringEstimator"/>.</exception>
    public static LampQScoringEstimator ApplyLampQModel(this TransformsCatalog catalog, MLContext mlContext, string outputColumnName, string inputColumnName, string modelFile,
        int batchSize = 8)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var options = new LampQScoringOptions { InputColumnNames = [inputColumnName], OutputColumnNames = [outputColumnName], BatchSize = batchSize };
        return new LampQScoringEstimator(mlContext, modelFile, options);
    }

    /// <summary>Scores a model that is quantized already, in batches, without fitting.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="mlContext">The context.</param>
    /// <param name="modelFile">An ONNX model with any number of inputs and outputs.</param>
    /// <param name="options">Columns and batch size; null takes the names the model gives.</param>
    /// <exception cref="ArgumentException">See <see cref="LampQScoringEstimator"/>.</exception>
    public static LampQScoringEstimator ApplyLampQModel(this TransformsCatalog catalog, MLContext mlContext, string modelFile, LampQScoringOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new LampQScoringEstimator(mlContext, modelFile, options);
    }

    /// <summary>Decodes JPEG and PNG files and prepares them as the model was trained: PIL's decoding and resampling, mean and deviation of each channel.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">A vector of float of unknown size, [3, H, W] a row.</param>
    /// <param name="inputColumnName">A vector of byte: the content of the file.</param>
    /// <param name="preprocessing">What happens to a picture.</param>
    /// <exception cref="ArgumentException">The preprocessing is out of its range.</exception>
    /// <remarks>
    /// ML.NET's own steps (LoadImages, ResizeImages, ExtractPixels of Microsoft.ML.ImageAnalytics) work before LampQ's as well; they have one offset and one scale
    /// for all channels and no antialias. No data are needed for fitting; saved models load with LampQ.Transforms present; not exportable to ONNX.
    /// A row without an image, or with one that does not decode, is an <see cref="InvalidOperationException"/> or <see cref="InvalidDataException"/> that names the column and what was found; ML.NET tells
    /// a mapping no row numbers. Decoding needs libturbojpeg for JPEG and libpng 1.6 for PNG (<see cref="DllNotFoundException"/> where they are missing), unless LampQ is built with -p:LampQImages=skia.
    /// </remarks>
    public static IEstimator<ITransformer> LampQPixels(this TransformsCatalog catalog, string outputColumnName, string inputColumnName, Preprocessing preprocessing)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(preprocessing);
        preprocessing.Validate();
        return TextSteps.Of<ImageBytes, ImagePixels>(catalog, PixelsStep.Write(preprocessing, inputColumnName), (inputColumnName, PixelsStep.Source), (outputColumnName, PixelsStep.Result), PixelsStep.Map, PixelsStep.Contract);
    }

    /// <summary>Names the class with the highest score.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">A column of text.</param>
    /// <param name="inputColumnName">A vector of float with a score for each class.</param>
    /// <param name="classNames">The name of class i at place i.</param>
    /// <exception cref="ArgumentException">There are no names.</exception>
    /// <remarks>No data are needed for fitting; saved models load with LampQ.Transforms present; not exportable to ONNX.</remarks>
    public static IEstimator<ITransformer> LampQClassName(this TransformsCatalog catalog, string outputColumnName, string inputColumnName, IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.Count == 0)
            throw new ArgumentException("There are no class names; expected one for each score.", nameof(classNames));
        return TextSteps.Of<ClassScores, ClassName>(catalog, ClassNameStep.Write(classNames), (inputColumnName, ClassNameStep.Source), (outputColumnName, ClassNameStep.Result), ClassNameStep.Map, ClassNameStep.Contract);
    }
}
