using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>A model of the shared data and its preprocessing.</summary>
sealed record Subject(string Name, string File, IReadOnlyList<double> Mean, IReadOnlyList<double> Std)
{
    static readonly double[] half = [0.5, 0.5, 0.5];

    public static IReadOnlyList<Subject> All { get; } =
    [
        new("DeiT-Tiny", "deit_tiny_patch16_224.onnx", Quantization.Preprocessing.ImageNetMean, Quantization.Preprocessing.ImageNetStd),
        new("ViT-Tiny", "vit_tiny_patch16_224.onnx", half, half),
    ];

    public string Path(string data) => System.IO.Path.Combine(data, "models", File);

    /// <summary>Calibration images drawn with a seed; fewer are a prefix of more.</summary>
    public SampleSet Calibration(string data, int count, int seed = 0) => SampleSet.Open(System.IO.Path.Combine(data, "imagenet-calibration", "labels.tsv"), Preprocessing(resize: 248)).Sample(count, seed);

    /// <summary>The evaluation images, which are cropped already.</summary>
    public SampleSet Evaluation(string data, int limit) => SampleSet.Open(System.IO.Path.Combine(data, "imagenet-val", "labels.tsv"), Preprocessing(resize: null)).Take(limit);

    Preprocessing Preprocessing(int? resize) => new()
    {
        Resize = resize is { } edge ? ResizeRule.ShortestEdge(edge) : null,
        Crop = new ImageSize(224, 224),
        Mean = Mean,
        Std = Std,
    };
}
