using LampQ.Onnx;

namespace LampQ.Onnx.Tests;

/// <summary>Cases for every operator with a gradient, in the forms and opsets where they differ.</summary>
static class RuleCases
{
    public static IEnumerable<RuleCase> All =>
    [
        .. Arithmetic, .. Functions, .. Products, .. Normalizations, .. Reductions, .. Convolutions, .. Movements,
    ];

    static IEnumerable<RuleCase> Arithmetic =>
    [
        new("Add of equal shapes", 13, c => c.Op("Add", [c.X(2, 3), c.X(2, 3)])),
        new("Add broadcast both ways", 11, c => c.Op("Add", [c.X(2, 1, 3), c.X(4, 1)])),
        new("Add to itself", 13, c => { var x = c.X(3); return c.Op("Add", [x, x]); }),
        new("Sub of a row", 13, c => c.Op("Sub", [c.X(2, 3), c.X(3)])),
        new("Sub from a scalar", 17, c => c.Op("Sub", [c.X(), c.X(2, 3)])),
        new("Sum of three", 13, c => c.Op("Sum", [c.X(2, 3), c.X(3), c.X(1, 1)])),
        new("Mean of two", 13, c => c.Op("Mean", [c.X(2, 3), c.X(3)])),
        new("Mul broadcast", 12, c => c.Op("Mul", [c.X(2, 1, 3), c.X(1, 4, 1)])),
        new("Mul with itself", 13, c => { var x = c.X(3); return c.Op("Mul", [x, x]); }),
        new("Div by a column", 13, c => c.Op("Div", [c.X(2, 3), c.Between(.8, 2, 2, 1)])),
        new("Neg", 13, c => c.Op("Neg", [c.X(3)])),
        new("Abs", 13, c => c.Op("Abs", [c.Apart(5)])),
        new("Pow with exponent 2", 11, c => c.Op("Pow", [c.X(2, 3), c.Constant(Tensor.Scalar(2f))])),
        new("Pow with exponent 3", 13, c => c.Op("Pow", [c.X(2, 3), c.Constant(Tensor.Scalar(3f))])),
        new("Pow with exponent 1", 13, c => c.Op("Pow", [c.X(2, 3), c.Constant(Tensor.Scalar(1f))])),
        new("Pow with exponent ½", 13, c => c.Op("Pow", [c.Between(.5, 2, 2, 3), c.Constant(Tensor.Scalar(.5f))])),
        new("Pow with integer exponent 4", 15, c => c.Op("Pow", [c.X(2, 3), c.Constant(Tensor.Scalar(4L))])),
        new("Pow with constant exponents", 13, c => c.Op("Pow", [c.Between(.5, 2, 2, 3), c.Constant(-2, 3, 3)])),
        new("Pow with a computed exponent", 13, c => c.Op("Pow", [c.Between(.5, 2, 2, 3), c.X(3)])),
        new("Sqrt", 13, c => c.Op("Sqrt", [c.Between(.5, 2, 4)])),
        new("Reciprocal", 13, c => c.Op("Reciprocal", [c.Between(.8, 2, 4)])),
        new("Min of three", 13, c => Three(c, "Min")),
        new("Max of three", 13, c => Three(c, "Max")),
        new("Max with a broadcast scalar", 12, c => c.Op("Max", [c.Apart(2, 4), c.Constant(Tensor.Scalar(.02f))])),
        new("Where", 13, c => c.Op("Where", [c.Constant(Tensor.OfBytes(ElementType.Bool, new byte[] { 1, 0, 0, 1 }, 2, 2)), c.X(2, 2), c.X(2)])),
        new("Where on a computed condition", 16, c => { var x = c.Apart(2, 3); return c.Op("Where", [c.Op("Greater", [x, c.Constant(Tensor.Scalar(0f))]), x, c.X(3)]); }),
        new("Clip to both bounds", 13, c => c.Op("Clip", [c.Apart(2, 4), c.Constant(Tensor.Scalar(-.3f)), c.Constant(Tensor.Scalar(.37f))])),
        new("Clip from below", 11, c => c.Op("Clip", [c.Apart(6), c.Constant(Tensor.Scalar(-.05f))])),
        new("Clip to computed bounds", 13, c => c.Op("Clip", [c.Input([-1, -.8f, .1f, .2f, .9f, 1.2f], 6), c.Input([-.5f]), c.Input([.6f])])),
    ];

    static IEnumerable<RuleCase> Functions =>
    [
        new("Exp", 13, c => c.Op("Exp", [c.X(2, 3)])),
        new("Log", 13, c => c.Op("Log", [c.Between(.8, 2, 4)])),
        new("Sin", 13, c => c.Op("Sin", [c.X(4)])),
        new("Cos", 13, c => c.Op("Cos", [c.X(4)])),
        new("Erf", 13, c => c.Op("Erf", [c.X(2, 3)])),
        new("Tanh", 13, c => c.Op("Tanh", [c.X(2, 3)])),
        new("Sigmoid", 13, c => c.Op("Sigmoid", [c.Between(-3, 3, 2, 3)])),
        new("Softplus", 13, c => c.Op("Softplus", [c.Between(-3, 3, 2, 3)])),
        new("Softsign", 13, c => c.Op("Softsign", [c.Apart(5)])),
        new("Relu", 14, c => c.Op("Relu", [c.Apart(2, 4)])),
        new("LeakyRelu", 13, c => c.Op("LeakyRelu", [c.Apart(6)], ("alpha", .2f))),
        new("LeakyRelu with default slope", 16, c => c.Op("LeakyRelu", [c.Apart(6)])),
        new("Elu", 13, c => c.Op("Elu", [c.Apart(6)], ("alpha", .7f))),
        new("PRelu with a slope a channel", 13, c => c.Op("PRelu", [c.Apart(2, 3, 2), c.X(3, 1)])),
        new("HardSigmoid", 13, c => c.Op("HardSigmoid", [c.Input([-3f, -2, -1, .3f, 1, 2, 4], 7)])),
        new("HardSigmoid with its own line", 13, c => c.Op("HardSigmoid", [c.Input([-4f, -2, .3f, 2, 4], 5)], ("alpha", .25f), ("beta", .4f))),
        new("HardSwish", 14, c => c.Op("HardSwish", [c.Input([-4f, -2, -.5f, .3f, 2, 4], 6)])),
        new("Gelu", 20, c => c.Op("Gelu", [c.Between(-3, 3, 8)])),
        new("Gelu by tanh", 20, c => c.Op("Gelu", [c.Between(-3, 3, 8)], ("approximate", "tanh"))),
        new("Softmax over the last axis", 13, c => c.Op("Softmax", [c.X(2, 2, 4)])),
        new("Softmax over a middle axis", 13, c => c.Op("Softmax", [c.X(2, 3, 2)], ("axis", 1))),
        new("Softmax flattened from axis 1 on, before opset 13", 11, c => c.Op("Softmax", [c.X(2, 2, 3)])),
        new("Softmax over the last axis, before opset 13", 12, c => c.Op("Softmax", [c.X(2, 2, 3)], ("axis", -1))),
        new("LogSoftmax over the last axis", 17, c => c.Op("LogSoftmax", [c.X(2, 4)])),
        new("LogSoftmax flattened from axis 1 on, before opset 13", 11, c => c.Op("LogSoftmax", [c.X(2, 2, 3)])),
    ];

    static IEnumerable<RuleCase> Products =>
    [
        new("MatMul of matrices", 13, c => c.Op("MatMul", [c.X(2, 3), c.X(3, 4)])),
        new("MatMul of a stack with one matrix", 13, c => c.Op("MatMul", [c.X(2, 2, 3), c.X(3, 2)])),
        new("MatMul of one matrix with a stack", 13, c => c.Op("MatMul", [c.X(2, 3), c.X(2, 3, 2)])),
        new("MatMul of stacks", 13, c => c.Op("MatMul", [c.X(2, 2, 2, 3), c.X(2, 2, 3, 2)])),
        new("MatMul of stacks broadcast both ways", 11, c => c.Op("MatMul", [c.X(2, 1, 2, 3), c.X(3, 3, 2)])),
        new("MatMul of vectors", 13, c => c.Op("MatMul", [c.X(3), c.X(3)])),
        new("MatMul of a vector with a matrix", 13, c => c.Op("MatMul", [c.X(3), c.X(3, 2)])),
        new("MatMul of a vector with a stack", 13, c => c.Op("MatMul", [c.X(3), c.X(2, 3, 2)])),
        new("MatMul of a stack with a vector", 13, c => c.Op("MatMul", [c.X(2, 2, 3), c.X(3)])),
        new("Gemm", 13, c => c.Op("Gemm", [c.X(2, 3), c.X(3, 4), c.X(4)])),
        new("Gemm transposed left, scaled", 11, c => c.Op("Gemm", [c.X(3, 2), c.X(3, 4), c.X(2, 1)], ("transA", 1), ("alpha", .5f), ("beta", 2f))),
        new("Gemm transposed right", 13, c => c.Op("Gemm", [c.X(2, 3), c.X(4, 3), c.X(1, 4)], ("transB", 1))),
        new("Gemm transposed both, no bias", 13, c => c.Op("Gemm", [c.X(3, 2), c.X(4, 3)], ("transA", 1), ("transB", 1), ("alpha", 1.5f))),
        new("Gemm with a scalar bias", 13, c => c.Op("Gemm", [c.X(2, 3), c.X(3, 4), c.X()])),
        new("Einsum as attention scores", 12, c => c.Op("Einsum", [c.X(2, 2, 2, 3), c.X(2, 2, 2, 3)], ("equation", "bhid,bhjd->bhij"))),
        new("Einsum of three", 13, c => c.Op("Einsum", [c.X(2, 3), c.X(3, 2), c.X(2)], ("equation", "ab, bc, c -> a"))),
    ];

    static IEnumerable<RuleCase> Normalizations =>
    [
        new("LayerNormalization", 17, c => c.Op("LayerNormalization", [c.X(2, 2, 6), c.X(6), c.X(6)])),
        new("LayerNormalization over two axes, without bias", 17, c => c.Op("LayerNormalization", [c.X(2, 2, 3), c.X(2, 3)], ("axis", 1), ("epsilon", 1e-2f))),
        new("BatchNormalization", 15, c => c.Op("BatchNormalization", [c.X(2, 3, 2), c.X(3), c.X(3), c.X(3), c.Between(.8, 2, 3)])),
        new("BatchNormalization before opset 14", 11, c => c.Op("BatchNormalization", [c.X(2, 3, 2, 2), c.X(3), c.X(3), c.X(3), c.Between(.8, 2, 3)])),
        new("InstanceNormalization", 13, c => c.Op("InstanceNormalization", [c.X(2, 2, 5), c.X(2), c.X(2)], ("epsilon", 1e-2f))),
        new("GroupNormalization with a factor a group", 18, c => c.Op("GroupNormalization", [c.X(1, 4, 3), c.X(2), c.X(2)], ("num_groups", 2), ("epsilon", 1e-2f))),
        new("GroupNormalization with a factor a channel", 21, c => c.Op("GroupNormalization", [c.X(1, 4, 3), c.X(4), c.X(4)], ("num_groups", 2), ("epsilon", 1e-2f))),
    ];

    static IEnumerable<RuleCase> Reductions =>
    [
        new("ReduceSum over an axis, before opset 13", 11, c => c.Op("ReduceSum", [c.X(2, 3, 2)], ("axes", new[] { 1 }), ("keepdims", 0))),
        new("ReduceSum over axes given as input", 13, c => c.Op("ReduceSum", [c.X(2, 3, 2), c.List(0, -1)])),
        new("ReduceSum over nothing", 13, c => c.Op("ReduceSum", [c.X(2, 3), c.List()], ("noop_with_empty_axes", 1))),
        new("ReduceMean over all", 13, c => c.Op("ReduceMean", [c.X(2, 3)], ("keepdims", 0))),
        new("ReduceMean over the last axis", 17, c => c.Op("ReduceMean", [c.X(2, 3)], ("axes", new[] { -1 }))),
        new("ReduceMean over axes given as input", 18, c => c.Op("ReduceMean", [c.X(2, 3, 2), c.List(1)], ("keepdims", 0))),
        new("ReduceMax", 13, c => c.Op("ReduceMax", [c.Apart(2, 4)], ("axes", new[] { 1 }))),
        new("ReduceMin over axes given as input", 18, c => c.Op("ReduceMin", [c.Apart(2, 2, 3), c.List(0, 2)], ("keepdims", 0))),
        new("ReduceL1", 13, c => c.Op("ReduceL1", [c.Apart(2, 4)], ("axes", new[] { 1 }))),
        new("ReduceL2", 13, c => c.Op("ReduceL2", [c.Between(.5, 1, 2, 3)], ("axes", new[] { 1 }))),
        new("ReduceSumSquare", 13, c => c.Op("ReduceSumSquare", [c.X(2, 3)], ("axes", new[] { 0 }))),
        new("ReduceLogSumExp", 13, c => c.Op("ReduceLogSumExp", [c.X(2, 3)], ("axes", new[] { 1 }))),
        new("GlobalAveragePool", 13, c => c.Op("GlobalAveragePool", [c.X(2, 2, 2, 3)])),
        new("GlobalMaxPool", 13, c => c.Op("GlobalMaxPool", [c.Apart(1, 2, 2, 3)])),
    ];

    static IEnumerable<RuleCase> Convolutions =>
    [
        new("Conv as patch embedding", 13, c => c.Op("Conv", [c.X(2, 2, 4, 4), c.X(3, 2, 2, 2), c.X(3)], ("strides", new[] { 2, 2 }), ("kernel_shape", new[] { 2, 2 }))),
        new("Conv as patch embedding with pixels left over", 13, c => c.Op("Conv", [c.X(1, 2, 5, 4), c.X(3, 2, 2, 2)], ("strides", new[] { 2, 2 }))),
        new("Conv with pads", 11, c => c.Op("Conv", [c.X(1, 2, 3, 4), c.X(2, 2, 3, 3), c.X(2)], ("pads", new[] { 1, 1, 1, 1 }))),
        new("Conv with strides, uneven pads and pixels left over", 13, c => c.Op("Conv", [c.X(1, 1, 5, 6), c.X(2, 1, 3, 2)], ("strides", new[] { 2, 3 }), ("pads", new[] { 0, 1, 1, 0 }))),
        new("Conv with dilations", 13, c => c.Op("Conv", [c.X(1, 1, 5, 5), c.X(2, 1, 2, 2)], ("dilations", new[] { 2, 3 }))),
        new("Conv in groups", 13, c => c.Op("Conv", [c.X(2, 4, 3, 3), c.X(6, 2, 2, 2), c.X(6)], ("group", 2))),
        new("Conv depthwise", 13, c => c.Op("Conv", [c.X(1, 3, 3, 3), c.X(3, 1, 3, 3)], ("group", 3), ("pads", new[] { 1, 1, 1, 1 }))),
        new("Conv along one axis", 13, c => c.Op("Conv", [c.X(1, 2, 5), c.X(2, 2, 3)], ("strides", new[] { 2 }))),
        new("Conv with automatic pads", 13, c => c.Op("Conv", [c.X(1, 1, 4, 4), c.X(1, 1, 3, 2)], ("auto_pad", "SAME_UPPER"), ("strides", new[] { 2, 1 }))),
        new("Conv with automatic pads in front", 13, c => c.Op("Conv", [c.X(1, 1, 4, 4), c.X(1, 1, 2, 2)], ("auto_pad", "SAME_LOWER"))),
        new("AveragePool without overlap", 11, c => c.Op("AveragePool", [c.X(1, 2, 4, 4)], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }))),
        new("AveragePool with pads not counted", 13, c => c.Op("AveragePool", [c.X(1, 2, 4, 5)], ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }), ("strides", new[] { 2, 2 }))),
        new("AveragePool with pads counted", 13, c => c.Op("AveragePool", [c.X(1, 1, 4, 4)], ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }), ("count_include_pad", 1))),
        new("AveragePool with sizes rounded up", 13, c => c.Op("AveragePool", [c.X(1, 1, 5, 4)], ("kernel_shape", new[] { 2, 3 }), ("strides", new[] { 2, 2 }), ("ceil_mode", 1))),
        new("MaxPool without overlap", 13, c => c.Op("MaxPool", [c.Apart(1, 2, 4, 4)], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }))),
        new("MaxPool with overlap and pads", 11, c => c.Op("MaxPool", [c.Apart(1, 2, 4, 4)], ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }))),
        new("MaxPool with sizes rounded up", 13, c => c.Op("MaxPool", [c.Apart(1, 1, 5, 5)], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }), ("ceil_mode", 1))),
        new("MaxPool with dilations", 13, c => c.Op("MaxPool", [c.Apart(1, 1, 5, 5)], ("kernel_shape", new[] { 2, 2 }), ("dilations", new[] { 2, 2 }))),
    ];

    static IEnumerable<RuleCase> Movements =>
    [
        new("Identity", 13, c => c.Op("Identity", [c.X(3)])),
        new("Dropout at inference", 13, c => c.Op("Dropout", [c.X(3), c.Constant(Tensor.Scalar(.5f))])),
        new("Cast to double and back", 13, c => c.Op("Cast", [c.Op("Cast", [c.X(3)], ("to", 11))], ("to", 1))),
        new("Reshape", 13, c => c.Op("Reshape", [c.X(2, 6), c.List(3, -1)])),
        new("Flatten", 13, c => c.Op("Flatten", [c.X(2, 2, 3)])),
        new("Squeeze before opset 13", 11, c => c.Op("Squeeze", [c.X(2, 1, 3)], ("axes", new[] { 1 }))),
        new("Squeeze", 13, c => c.Op("Squeeze", [c.X(1, 2, 1), c.List(0)])),
        new("Unsqueeze before opset 13", 11, c => c.Op("Unsqueeze", [c.X(2, 3)], ("axes", new[] { 0, 2 }))),
        new("Unsqueeze", 13, c => c.Op("Unsqueeze", [c.X(2, 3), c.List(-1)])),
        new("Transpose", 13, c => c.Op("Transpose", [c.X(2, 3, 4)], ("perm", new[] { 2, 0, 1 }))),
        new("Transpose of all axes", 13, c => c.Op("Transpose", [c.X(2, 3)])),
        new("Expand", 13, c => c.Op("Expand", [c.X(2, 1, 3), c.List(2, 2, 4, 3)])),
        new("Tile", 13, c => c.Op("Tile", [c.X(2, 3), c.List(2, 3)])),
        new("Concat", 13, c => c.Op("Concat", [c.X(2, 1, 2), c.X(2, 3, 2)], ("axis", -2))),
        new("Split, every part used", 13, c => Parts(c, "Split", [c.X(2, 6), c.List(1, 3, 2)], 3, p => [p[0], p[1], p[2]], ("axis", 1))),
        new("Split, one part unused", 11, c => Parts(c, "Split", [c.X(2, 6)], 3, p => [p[2], p[0]], ("axis", 1))),
        new("Split evenly", 18, c => Parts(c, "Split", [c.X(4, 2)], 2, p => [p[1]], ("num_outputs", 2))),
        new("Slice of a range", 13, c => c.Op("Slice", [c.X(3, 5), c.List(1), c.List(4), c.List(1)])),
        new("Slice from behind to the end", 13, c => c.Op("Slice", [c.X(3, 5), c.List(-2, 1), c.List(int.MaxValue, int.MaxValue), c.List(1, 0)])),
        new("Slice without axes", 11, c => c.Op("Slice", [c.X(3, 4), c.List(0, 1), c.List(2, 3)])),
        new("Slice every other", 13, c => c.Op("Slice", [c.X(2, 7), c.List(1), c.List(7), c.List(1), c.List(2)])),
        new("Slice backwards", 13, c => c.Op("Slice", [c.X(5, 2), c.List(-1), c.List(-100), c.List(0), c.List(-1)])),
        new("Slice backwards every other from outside", 13, c => c.Op("Slice", [c.X(6), c.List(100), c.List(0), c.List(0), c.List(-2)])),
        new("Gather of one", 13, c => c.Op("Gather", [c.X(3, 2, 2), c.Constant(Tensor.Scalar(1L))], ("axis", 0))),
        new("Gather of the last by a negative index", 13, c => c.Op("Gather", [c.X(2, 3), c.Constant(Tensor.Scalar(-1L))], ("axis", 1))),
        new("Gather in another order", 13, c => c.Op("Gather", [c.X(2, 4, 2), c.List(3, 0)], ("axis", 1))),
        new("Gather with repeated indices", 13, c => c.Op("Gather", [c.X(2, 3, 2), c.Constant(Tensor.Of([0, 2, 2, 0, 2, 1L], 2, 3))], ("axis", 1))),
        new("Gather with computed indices", 11, c => c.Op("Gather", [c.X(3, 2), c.Integers([2, 0, -1, 0], 2, 2)], ("axis", 0))),
        new("GatherElements before opset 16", 13, c => c.Op("GatherElements", [c.X(2, 4), c.Integers([0, 3, 3, 1, 1, -1], 2, 3)], ("axis", 1))),
        new("GatherElements", 18, c => c.Op("GatherElements", [c.X(2, 4), c.Integers([0, 3, 3, 1, 1, -1], 2, 3)], ("axis", 1))),
        new("GatherElements of fewer rows before opset 16", 13, c => c.Op("GatherElements", [c.X(3, 4), c.Integers([0, 3, 3, 1], 2, 2)], ("axis", 1))),
        new("TopK", 13, c => Parts(c, "TopK", [c.Apart(2, 5), c.List(2)], 2, p => [p[0]])),
        new("Resize by whole factors", 13, c => c.Op("Resize", [c.X(1, 2, 2, 3), null, c.Constant(Tensor.Of([1f, 1, 2, 3]))], ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))),
        new("Resize by half pixels", 18, c => c.Op("Resize", [c.X(1, 1, 2, 2), null, null, c.List(1, 1, 4, 4)], ("mode", "nearest"))),
        // Points at least 2/32·size/2 away from the pixel centres, where the slope jumps; the last two lie half and wholly outside.
        new("GridSample", 16, c => c.Op("GridSample", [c.X(1, 2, 2, 2), c.Input([-.2f, .1f, .25f, -.3f, .3f, .25f, -.1f, -.15f, .8f, -.75f, -2, .1f], 1, 2, 3, 2)])),
        new("GridSample between corners", 16, c => c.Op("GridSample", [c.X(1, 2, 2, 3), c.Input([-.4f, .3f, .5f, -.2f], 1, 1, 2, 2)], ("align_corners", 1))),
        new("Pad", 13, c => c.Op("Pad", [c.X(2, 3), c.List(1, 0, 0, 2), c.Constant(Tensor.Scalar(.5f))])),
        new("Pad that cuts", 11, c => c.Op("Pad", [c.X(3, 4), c.List(1, -1, -1, 0)])),
        new("Pad of named axes", 18, c => c.Op("Pad", [c.X(2, 3), c.List(1, 2), null, c.List(-1)])),
    ];

    static Value Three(RuleCase c, string op)
    {
        var x = c.Apart(3, 4);
        Value Row(long i) => c.Op("Slice", [x, c.List(i), c.List(i + 1), c.List(0)]);
        return c.Op(op, [Row(0), Row(1), Row(2)]);
    }

    static Value Parts(RuleCase c, string op, Value?[] inputs, int outputs, Func<Value[], Value[]> used, params (string, object)[] attributes)
    {
        var node = c.Graph.AddNode(op, inputs, [.. Enumerable.Range(0, outputs).Select(i => $"part{i}")], attributes: attributes);
        return c.Op("Concat", used([.. node.Outputs.Select(o => o!)]), ("axis", 1));
    }
}
