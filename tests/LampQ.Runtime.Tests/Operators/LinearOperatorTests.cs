using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>The nodes Linear and LinearQuantize inside ONNX Runtime, against the formulas of docs/formats.md.</summary>
[TestClass]
public sealed class LinearOperatorTests
{
    static readonly Fed x = new("x", ElementType.UInt8, 3), residual = new("r", ElementType.Float, 3);

    [TestMethod]
    [DataRow(2, 32, 16, 1)]
    [DataRow(3, 33, 17, 1)]
    [DataRow(4, 64, 64, 1)]
    [DataRow(5, 31, 80, 2)]
    [DataRow(6, 5, 65, 1)]
    [DataRow(7, 1, 1, 1)]
    [DataRow(8, 70, 130, 2)]
    public void Linear_AnyWidthAndSize_ReturnsTheFloatsOfItsFormula(int bits, int K, int N, int threads)
    {
        var layer = new Layer(bits, K, N);
        using var node = OneNode.Open("Linear", layer.LinearInputs(), layer.Attributes(), threads);
        foreach (var (batch, tokens) in new[] { (1, 1), (2, 7), (1, 13) })
        {
            var codes = layer.Codes(batch, tokens);
            var added = layer.Residual(batch, tokens);
            var y = node.Run(("x", codes), ("r", added));
            CollectionAssert.AreEqual(new long[] { batch, tokens, N }, y.Shape.ToArray());
            CollectionAssert.AreEqual(layer.Floats(codes).Zip(added.ToFloats(), (v, r) => v + r).ToArray(), y.ToFloats());
        }
    }

    [TestMethod]
    public void Linear_BiasZeroPointsAndResidualLeftOut_CountAsZero()
    {
        var layer = new Layer(4, 40, 20) { Bias = null, WeightZeroPoint = null };
        using var node = OneNode.Open("Linear", [x, layer.Packed, layer.Multiplier], layer.Attributes());
        var codes = layer.Codes(1, 5);
        CollectionAssert.AreEqual(layer.Floats(codes), node.Run(("x", codes)).ToFloats());
    }

    [TestMethod]
    public void Linear_BiasLeftOutBeforeAResidual_KeepsEveryInputInItsPlace()
    {
        var layer = new Layer(8, 40, 20) { Bias = null, WeightZeroPoint = null };
        using var node = OneNode.Open("Linear", [x, layer.Packed, layer.Multiplier, null, null, residual], layer.Attributes());
        var codes = layer.Codes(1, 5);
        var added = layer.Residual(1, 5);
        CollectionAssert.AreEqual(layer.Floats(codes).Zip(added.ToFloats(), (v, r) => v + r).ToArray(), node.Run(("x", codes), ("r", added)).ToFloats());
    }

    [TestMethod]
    [DataRow(3, 0, 255)]
    [DataRow(8, 0, 15)]
    [DataRow(4, 3, 250)]
    public void LinearQuantize_WithoutActivation_ReturnsTheCodesOfItsFormula(int bits, int low, int high)
    {
        var layer = new Layer(bits, 48, 72);
        using var node = OneNode.Open("LinearQuantize", layer.QuantizeInputs(), layer.Attributes(("low", low), ("high", high)));
        var codes = layer.Codes(2, 9);
        var y = node.Run(("x", codes));
        Assert.AreEqual(ElementType.UInt8, y.Type);
        CollectionAssert.AreEqual(new long[] { 2, 9, 72 }, y.Shape.ToArray());
        CollectionAssert.AreEqual(layer.QuantizedWithoutActivation(codes, low, high), y.Bytes.ToArray());
    }

    [TestMethod]
    [DataRow("gelu")]
    [DataRow("gelu-tanh")]
    [DataRow("quick-gelu")]
    [DataRow("relu")]
    public void LinearQuantize_Activation_IsTheOneThatTheAttributeNames(string activation)
    {
        var layer = new Layer(8, 48, 72);
        using var node = OneNode.Open("LinearQuantize", layer.QuantizeInputs(), layer.Attributes(("activation", activation)));
        var codes = layer.Codes(2, 9);
        byte[] y = node.Run(("x", codes)).Bytes.ToArray();
        double[] exact = layer.ActivatedSteps(codes, activation);
        int different = 0;
        for (int i = 0; i < y.Length; i++)
        {
            double expected = Math.Clamp(Math.Round(exact[i]), 0, 255);
            if (y[i] == expected)
                continue;
            different++;
            // The polynomials are within 5e-7 of the function (1e-4 steps here), so a code may differ only next to a tie.
            double toTie = Math.Abs(exact[i] - Math.Floor(exact[i]) - 0.5);
            Assert.IsTrue(Math.Abs(y[i] - expected) == 1 && toTie < 1e-3, $"element {i}: code {y[i]}, exact value {exact[i]}");
        }
        Assert.IsTrue(different < y.Length / 50, $"{different} of {y.Length}");
        Assert.IsTrue(y.Distinct().Count() > 30, "Nearly all codes are the same; the case shows nothing.");
    }

    [TestMethod]
    [DataRow(0, 5)]
    [DataRow(3, 0)]
    [DataRow(0, 0)]
    public void Run_ZeroSizedDimensions_ReturnsAnEmptyTensor(int batch, int tokens)
    {
        var layer = new Layer(4, 40, 20);
        using var floats = OneNode.Open("Linear", layer.LinearInputs(), layer.Attributes());
        using var codes = OneNode.Open("LinearQuantize", layer.QuantizeInputs(), layer.Attributes());
        CollectionAssert.AreEqual(new long[] { batch, tokens, 20 }, floats.Run(("x", layer.Codes(batch, tokens)), ("r", layer.Residual(batch, tokens))).Shape.ToArray());
        CollectionAssert.AreEqual(new long[] { batch, tokens, 20 }, codes.Run(("x", layer.Codes(batch, tokens))).Shape.ToArray());
    }

    [TestMethod]
    public void Run_OtherShapes_IsRefusedWithFoundAndExpected()
    {
        var layer = new Layer(4, 40, 20);
        using var node = OneNode.Open("Linear", layer.LinearInputs(), layer.Attributes());
        StringAssert.Contains(node.Failure(("x", Tensor.OfBytes(ElementType.UInt8, new byte[82], 1, 2, 41)), ("r", layer.Residual(1, 2))), "x has shape [1, 2, 41]; [..., 40] is expected.");
        StringAssert.Contains(node.Failure(("x", Tensor.OfBytes(ElementType.UInt8, default, 1, 2, 0)), ("r", layer.Residual(1, 2))), "x has shape [1, 2, 0]; [..., 40] is expected.");
        StringAssert.Contains(node.Failure(("x", layer.Codes(1, 2)), ("r", layer.Residual(2, 1))), "residual has shape [2, 1, 20]; that of the output, [1, 2, 20], is expected.");
        StringAssert.Contains(node.Failure(("x", layer.Codes(1, 2)), ("r", layer.Residual(1, 1))), "residual has shape [1, 1, 20]");
        CollectionAssert.AreEqual(new long[] { 1, 2, 20 }, node.Run(("x", layer.Codes(1, 2)), ("r", layer.Residual(1, 2))).Shape.ToArray());
    }

    [TestMethod]
    [DataRow(0), DataRow(40), DataRow(85)]
    public void Linear_ColumnsOfAWiderTensor_ReturnsWhatItReturnsOfThemAlone(int offset)
    {
        const int Columns = 125;
        var layer = new Layer(4, 40, 70);
        using var node = OneNode.Open("Linear", layer.LinearInputs(), layer.Attributes(("x_columns", Columns), ("x_offset", offset)));
        var wide = new Layer(4, Columns, 1).Codes(2, 7);
        var own = Enumerable.Range(0, 14).SelectMany(row => wide.Bytes.ToArray().Skip(row * Columns + offset).Take(40)).ToArray();
        var added = layer.Residual(2, 7);
        CollectionAssert.AreEqual(layer.Floats(Tensor.OfBytes(ElementType.UInt8, own, 2, 7, 40)).Zip(added.ToFloats(), (v, r) => v + r).ToArray(), node.Run(("x", wide), ("r", added)).ToFloats());
    }

    [TestMethod]
    public void LinearLevels_AnyTable_ReturnsTheBytesOfTheLevelsPlaneByPlane()
    {
        var layer = new Layer(4, 40, 70);
        float[] thresholds = [-.7f, -.2f, 0, .01f, .4f];
        long[] levels = [0, 3, 300, 70_000, 70_001, 16_000_000];
        using var node = OneNode.Open("LinearLevels", [x, layer.Packed, layer.Multiplier, layer.Bias, layer.WeightZeroPoint], layer.Attributes(("thresholds", thresholds), ("levels", levels)));
        var codes = layer.Codes(2, 7);
        var y = node.Run(("x", codes));
        CollectionAssert.AreEqual(new long[] { 2, 7, 210 }, y.Shape.ToArray());
        float[] floats = layer.Floats(codes);
        for (int i = 0; i < floats.Length; i++)
        {
            long found = Enumerable.Range(0, 3).Sum(plane => (long)y.Bytes.Span[i / 70 * 210 + plane * 70 + i % 70] << (8 * plane)), expected = levels[thresholds.Count(t => floats[i] >= t)];
            Assert.IsTrue(found == expected || thresholds.Any(t => Math.Abs(floats[i] - t) < 1e-6), $"element {i}: {found} of {floats[i]:R}");
        }
    }

    [TestMethod]
    public void Create_TamperedTable_IsRefusedNamingNodeAndReason()
    {
        var layer = new Layer(4, 40, 20);
        object?[] inputs = [x, layer.Packed, layer.Multiplier, layer.Bias, layer.WeightZeroPoint];
        (string, object?) thresholds = ("thresholds", new[] { 0f, 1 }), levels = ("levels", new[] { 0L, 1, 2 });
        foreach (var (changes, reason) in new ((string, object?)[], string)[]
        {
            ([levels], "'thresholds' is missing"), ([thresholds], "'levels' is missing"), ([thresholds, ("levels", new[] { 0L, 1 })], "levels has 2 elements; 2 thresholds need 3"),
            ([("thresholds", new[] { 1f, 0 }), levels], "thresholds[1] is 0, behind 1"), ([thresholds, ("levels", new[] { 0L, 2, 1 })], "levels[2] is 1"), ([thresholds, ("levels", new[] { 0L, 1, 1L << 40 })], "levels[2] is 1099511627776"),
            ([thresholds, levels, ("activation", "tanh")], "activation is 'tanh'"), ([thresholds, levels, ("x_offset", 1)], "x_offset is 1"),
        })
            StringAssert.Contains(OneNode.Refusal("LinearLevels", inputs, layer.Attributes(changes)), reason);
    }

    [TestMethod]
    public void InferShapes_OutFeatures_IsTheLastDimensionAndTheOthersKeepTheirNames()
    {
        var layer = new Layer(4, 40, 20);
        using var node = OneNode.Open("Linear", layer.LinearInputs(), layer.Attributes());
        CollectionAssert.AreEqual(new[] { -1, -1, 20 }, node.OutputMetadata.Dimensions);
        CollectionAssert.AreEqual(new[] { "x0", "x1", "" }, node.OutputMetadata.SymbolicDimensions);
    }

    [TestMethod]
    public void Create_TamperedWeights_IsRefusedNamingNodeAndReason()
    {
        var layer = new Layer(4, 40, 20);
        byte[] bytes = layer.Packed.Bytes.ToArray();
        Refused(layer, "weight has", Tensor.OfBytes(ElementType.UInt8, bytes.AsMemory(1), bytes.Length - 1));
        Refused(layer, "weight has", Tensor.OfBytes(ElementType.UInt8, new byte[bytes.Length + 1], bytes.Length + 1));
        Refused(layer, "weight has 0 bytes", Tensor.OfBytes(ElementType.UInt8, default, 0));
        Refused(layer, "a vector is expected", Tensor.OfBytes(ElementType.UInt8, bytes, bytes.Length / 2, 2));
        foreach (var (name, value, reason) in new (string, object, string)[]
        {
            ("bits", 5, "weight has"), ("bits", 1, "bits is 1"), ("bits", 9, "bits is 9"), ("bits", 1L << 40, "which 32 bits do not hold"), ("bits", "4", "of another type"),
            ("in_features", 0, "in_features is 0"), ("in_features", -40, "in_features is -40"), ("in_features", 72, "weight has"), ("in_features", 33_001, "33001"),
            ("out_features", 0, "out_features is 0"), ("out_features", int.MaxValue, "weight has"), ("out_features", 21, "elements"),
            ("x_zero_point", 256, "x_zero_point is 256"), ("x_zero_point", -1, "x_zero_point is -1"),
        })
            StringAssert.Contains(OneNode.Refusal("Linear", layer.LinearInputs(), layer.Attributes((name, value))), reason, name);
        foreach (string name in new[] { "bits", "in_features", "out_features", "x_zero_point" })
            StringAssert.Contains(OneNode.Refusal("Linear", layer.LinearInputs(), layer.Attributes((name, null))), $"The attribute '{name}' is missing.");
    }

    [TestMethod]
    public void Create_VectorsThatDoNotFitOrAreNotFinite_IsRefusedNamingThem()
    {
        var layer = new Layer(4, 40, 20);
        var good = layer.QuantizeInputs();
        foreach (var (input, name) in new[] { (2, "multiplier"), (3, "bias"), (5, "output_multiplier") })
        {
            foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            {
                var values = new float[20];
                values[13] = bad;
                StringAssert.Contains(Refusal(input, Tensor.Of(values)), $"{name}[13] is ");
            }
            StringAssert.Contains(Refusal(input, Tensor.Of(new float[19])), $"{name} has 19 elements; 20 are expected.");
            StringAssert.Contains(Refusal(input, Tensor.Of(new float[20], 4, 5)), $"{name} (input {input}) has shape [4, 5]");
        }
        StringAssert.Contains(Refusal(4, Tensor.Of(new int[21])), "weight_zero_point has 21 elements");
        StringAssert.Contains(Refusal(4, Tensor.Of([.. Enumerable.Repeat(1000, 20)])), "weight_zero_point[0] is 1000");
        StringAssert.Contains(Refusal(6, Tensor.Of(new byte[3])), "output_zero_point has 3 elements");
        StringAssert.Contains(OneNode.Refusal("LinearQuantize", good, layer.Attributes(("activation", "tanh"))), "activation is 'tanh'");
        StringAssert.Contains(OneNode.Refusal("LinearQuantize", good, layer.Attributes(("low", 9), ("high", 8))), "low 9 and high 8");
        StringAssert.Contains(OneNode.Refusal("LinearQuantize", good, layer.Attributes(("high", 256))), "high 256");

        string Refusal(int input, Tensor tensor)
        {
            var inputs = good.ToArray();
            inputs[input] = tensor;
            return OneNode.Refusal("LinearQuantize", inputs, layer.Attributes());
        }
    }

    [TestMethod]
    public void Create_WeightThatIsNoConstant_IsRefusedWithTheReason()
    {
        var layer = new Layer(4, 40, 20);
        var inputs = layer.LinearInputs();
        inputs[1] = new Fed("w", ElementType.UInt8, 1);
        StringAssert.Contains(OneNode.Refusal("Linear", inputs, layer.Attributes()), "weight (input 1) is not a constant.");
    }

    [TestMethod]
    public void Create_WeightThatTheCallerReplaces_IsUsedWhereItLiesOrCopiedWhenItIsNotAligned()
    {
        // 8-bit panels of 16 channels with K = 60 take 960 bytes: one that ends at a page starts at a multiple of 64, and one byte earlier it does not.
        var layer = new Layer(8, 60, 16);
        byte[] model = OneNode.Model("Linear", layer.LinearInputs(), layer.Attributes()).ToBytes();
        var codes = layer.Codes(1, 7);
        foreach (int misalignment in new[] { 0, 1 })
        {
            using var options = OneNode.Options();
            using var memory = new GuardedTensor(Tensor.OfBytes(ElementType.UInt8, layer.Packed.Bytes.ToArray().Concat(new byte[misalignment]).ToArray(), 960 + misalignment));
            using var weight = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.UInt8, [960], memory.Address, 960);
            options.AddInitializer("input1", weight);
            using var session = new InferenceSession(model, options);
            using var x = new GuardedTensor(codes);
            using var r = new GuardedTensor(layer.Residual(1, 7));
            using var run = new RunOptions();
            using var outputs = session.Run(run, ["x", "r"], [x.Value, r.Value], ["y"]);
            CollectionAssert.AreEqual(layer.Floats(codes).Zip(layer.Residual(1, 7).ToFloats(), (v, a) => v + a).ToArray(), outputs[0].GetTensorDataAsSpan<float>().ToArray(), $"misaligned by {misalignment}");
        }
    }

    static void Refused(Layer layer, string reason, Tensor weight)
    {
        var inputs = layer.LinearInputs();
        inputs[1] = weight;
        StringAssert.Contains(OneNode.Refusal("Linear", inputs, layer.Attributes()), reason);
    }

    /// <summary>A random layer and what docs/formats.md says about it, in plain loops.</summary>
    sealed class Layer
    {
        readonly int bits, K, N;
        readonly sbyte[] weights;
        readonly float[] multiplier, bias, outputMultiplier;
        readonly int[] weightZeroPoint;
        readonly byte[] outputZeroPoint;

        public Layer(int bits, int K, int N)
        {
            (this.bits, this.K, this.N) = (bits, K, N);
            var random = new Random(1000 * bits + K + N);
            int half = 1 << (bits - 1);
            weights = [.. Enumerable.Range(0, N * K).Select(_ => (sbyte)random.Next(-half, half))];
            multiplier = [.. Enumerable.Range(0, N).Select(_ => (.5f + random.NextSingle()) / (half * 40f * MathF.Sqrt(K)))];
            bias = [.. Enumerable.Range(0, N).Select(_ => random.NextSingle() - .5f)];
            weightZeroPoint = [.. Enumerable.Range(0, N).Select(_ => random.Next(-half, half))];
            outputMultiplier = [.. Enumerable.Range(0, N).Select(_ => 20 + 20 * random.NextSingle())];
            outputZeroPoint = [.. Enumerable.Range(0, N).Select(_ => (byte)random.Next(100, 140))];
            (Bias, WeightZeroPoint) = (Tensor.Of(bias), Tensor.Of(weightZeroPoint));
        }

        public Tensor Packed => Tensor.Of(PackedWeights.Pack(weights, N, K, bits));

        public Tensor Multiplier => Tensor.Of(multiplier);

        public Tensor? Bias { get; init; }

        public Tensor? WeightZeroPoint { get; init; }

        public object?[] LinearInputs() => [x, Packed, Multiplier, Bias, WeightZeroPoint, residual];

        public object?[] QuantizeInputs() => [x, Packed, Multiplier, Bias, WeightZeroPoint, Tensor.Of(outputMultiplier), Tensor.Of(outputZeroPoint)];

        /// <summary>The attributes with some set otherwise, or left out for null.</summary>
        public Dictionary<string, object> Attributes(params (string Name, object? Value)[] changes)
        {
            var attributes = new Dictionary<string, object> { ["bits"] = bits, ["in_features"] = K, ["out_features"] = N, ["x_zero_point"] = 117 };
            foreach (var (name, value) in changes)
                if (value is null)
                    attributes.Remove(name);
                else
                    attributes[name] = value;
            return attributes;
        }

        public Tensor Codes(int batch, int tokens)
        {
            var codes = new byte[batch * tokens * K];
            new Random(batch + tokens).NextBytes(codes);
            return Tensor.OfBytes(ElementType.UInt8, codes, batch, tokens, K);
        }

        public Tensor Residual(int batch, int tokens)
        {
            var random = new Random(7 * batch + tokens);
            return Tensor.Of([.. Enumerable.Range(0, batch * tokens * N).Select(_ => random.NextSingle())], batch, tokens, N);
        }

        public float[] Floats(Tensor codes) => Each(codes, (n, acc) => acc * multiplier[n] + (Bias is null ? 0 : bias[n]));

        public byte[] QuantizedWithoutActivation(Tensor codes, int low, int high) => Each(codes, (n, acc) =>
        {
            float a = (float)((double)multiplier[n] * outputMultiplier[n]), b = (float)((double)bias[n] * outputMultiplier[n]);
            return (byte)Math.Clamp((int)MathF.Round(MathF.FusedMultiplyAdd(acc, a, b), MidpointRounding.ToEven) + outputZeroPoint[n], low, high);
        });

        /// <summary>Activation and quantizer in double precision, before rounding.</summary>
        public double[] ActivatedSteps(Tensor codes, string activation) => Each(codes, (n, acc) =>
        {
            double v = MathF.FusedMultiplyAdd(acc, multiplier[n], bias[n]);
            double g = activation switch
            {
                "gelu" => v * Normal(v),
                "gelu-tanh" => v / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))),
                "quick-gelu" => v / (1 + Math.Exp(-1.702 * v)),
                _ => Math.Max(v, 0),
            };
            return g * outputMultiplier[n] + outputZeroPoint[n];
        });

        T[] Each<T>(Tensor codes, Func<int, int, T> store)
        {
            var a = codes.Bytes.Span;
            var y = new T[a.Length / K * N];
            for (int m = 0; m < a.Length / K; m++)
                for (int n = 0; n < N; n++)
                {
                    int acc = 0;
                    for (int k = 0; k < K; k++)
                        acc += (a[m * K + k] - 117) * (weights[n * K + k] - (WeightZeroPoint is null ? 0 : weightZeroPoint[n]));
                    y[m * N + n] = store(n, acc);
                }
            return y;
        }

        // Φ by Simpson's rule over its density; 4,000 intervals are far below 1e-10.
        static double Normal(double v)
        {
            const int Intervals = 4000;
            double h = v / Intervals, sum = 0;
            for (int i = 0; i <= Intervals; i++)
                sum += Math.Exp(-(i * h) * (i * h) / 2) * (i == 0 || i == Intervals ? 1 : i % 2 == 1 ? 4 : 2);
            return .5 + sum * h / 3 / Math.Sqrt(2 * Math.PI);
        }
    }
}
