using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML;

/// <summary>ONNX models as steps.</summary>
public static class OnnxCatalog
{
    public static OnnxScoringEstimator ApplyOnnxModel(this TransformsCatalog catalog, string modelFile, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        catalog.ApplyOnnxModel([], [], modelFile);

    public static OnnxScoringEstimator ApplyOnnxModel(this TransformsCatalog catalog, string outputColumnName, string inputColumnName, string modelFile, int? gpuDeviceId = null,
        bool fallbackToCpu = false) => catalog.ApplyOnnxModel([outputColumnName], [inputColumnName], modelFile);

    public static OnnxScoringEstimator ApplyOnnxModel(this TransformsCatalog catalog, string[] outputColumnNames, string[] inputColumnNames, string modelFile, int? gpuDeviceId = null,
        bool fallbackToCpu = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(modelFile);
        if (!File.Exists(modelFile))
            throw new IOException($"Model file {modelFile} does not exists.");
        return new OnnxScoringEstimator(new OnnxTransformer(File.ReadAllBytes(modelFile), inputColumnNames, outputColumnNames));
    }
}
