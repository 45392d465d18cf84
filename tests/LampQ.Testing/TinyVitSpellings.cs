namespace LampQ.Testing;

/// <summary>The spellings of <see cref="TinyVit"/> that compute exactly the same function.</summary>
public static class TinyVitSpellings
{
    /// <summary>Each choice alone, then the mixtures that real exporters write.</summary>
    public static IReadOnlyList<TinyVit> All { get; } =
    [
        .. new[] { 11, 12, 13, 14, 16, 17, 18, 19, 20, 21 }.SelectMany(opset => new TinyVit[] { new() { Opset = opset }, new() { Opset = opset, DynamicBatch = true, Qkv = QkvForm.SplitSqueeze } }),
        new() { Norm = NormForm.Decomposed },
        new() { Norm = NormForm.Decomposed, Opset = 18 },
        new() { Gelu = GeluForm.HalfFirst },
        new() { Gelu = GeluForm.HalfInside },
        new() { Gelu = GeluForm.Op, Opset = 20 },
        .. Enum.GetValues<QkvForm>().SelectMany(qkv => new TinyVit[] { new() { Qkv = qkv }, new() { Qkv = qkv, DynamicBatch = true, Opset = 12 }, new() { Qkv = qkv, Linear = LinearForm.GemmTransposed } }),
        .. Enum.GetValues<LinearForm>().SelectMany(linear => new TinyVit[] { new() { Linear = linear }, new() { Linear = linear, DynamicBatch = true } }),
        new() { Weights = WeightForm.Constants },
        new() { Weights = WeightForm.Transposed },
        new() { Weights = WeightForm.Constants, Linear = LinearForm.Gemm },
        .. Enum.GetValues<ScaleForm>().SelectMany(scale => new TinyVit[] { new() { Scale = scale }, new() { Scale = scale, Qkv = QkvForm.Separate } }),
        new() { Pool = PoolForm.ClassTokenSlice },
        new() { PatchEmbedding = PatchForm.MatMul },
        new() { PatchEmbedding = PatchForm.MatMul, Linear = LinearForm.Gemm },
        new() { PatchEmbedding = PatchForm.MatMul, DynamicBatch = true },
        new() { Named = false },
        new() { Named = false, DynamicBatch = true, Qkv = QkvForm.Separate, Norm = NormForm.Decomposed, Weights = WeightForm.Constants },
        new() { Opset = 11, DynamicBatch = true, Qkv = QkvForm.Separate, Scale = ScaleForm.DivBehind, Linear = LinearForm.MatMulBiasFirst, Weights = WeightForm.Transposed },
        new() { Opset = 18, DynamicBatch = true, Norm = NormForm.Decomposed, Qkv = QkvForm.Separate, Scale = ScaleForm.OnBoth, Linear = LinearForm.MatMulBiasFirst, Pool = PoolForm.ClassTokenSlice },
    ];
}
