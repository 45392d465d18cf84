using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>A layer as inspect shows it.</summary>
/// <param name="Name">Its name, which --bits-for takes.</param>
/// <param name="Type">What it does.</param>
/// <param name="Shape">[outputs, inputs]; of a patch embedding convolution [outputs, channels, height, width].</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Group">Layers of one group get the same bits.</param>
sealed record LayerLine(string Name, string Type, IReadOnlyList<long> Shape, long Parameters, string Group)
{
    public static LayerLine Of(QuantizableLayer layer) => new(layer.Name, layer.Type.Word(), ShapeOf(layer), layer.Parameters, layer.Group);

    public static IReadOnlyList<long> ShapeOf(QuantizableLayer layer) => layer.Node.Is("Conv") ? layer.WeightTensor.Shape : [layer.OutputChannels, layer.InputChannels];
}
