using LampQ.Onnx;

namespace LampQ.Transforms.Tests;

/// <summary>A model with two inputs and three outputs: sum = left + right, difference = left − right, and the largest place of left as an integer.</summary>
static class TwoInputs
{
    public static Model Model()
    {
        var model = Onnx.Model.Create(17);
        var graph = model.Graph;
        var left = graph.AddInput("left", ElementType.Float, "n", 3);
        var right = graph.AddInput("right", ElementType.Float, "n", 3);
        Output("Add", "sum", ElementType.Float, 3, [left, right]);
        Output("Sub", "difference", ElementType.Float, 3, [left, right]);
        Output("ArgMax", "place", ElementType.Int64, 1, [left], ("axis", 1L), ("keepdims", 1L));
        return model;

        void Output(string op, string name, ElementType type, long size, Value?[] inputs, params (string, object)[] attributes)
        {
            var value = graph.Emit(op, inputs, name, attributes);
            (value.Type, value.Shape) = (type, ["n", size]);
            graph.AddOutput(value);
        }
    }
}
