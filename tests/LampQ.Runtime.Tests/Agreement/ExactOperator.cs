using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>What a fused operator that returns codes rounds, in steps and without the zero point, computed in double precision from its definition (docs/formats.md).</summary>
/// <param name="Rows">Tokens.</param>
/// <param name="At">Row and column to the value, and how far it moves where codes of the attention map lie at ties themselves.</param>
sealed record ExactOperator(int Rows, Func<int, int, (double Value, double Slack)> At)
{
    /// <summary>
    /// Steps of the attention map within which either code counts as right: float scores of up to 30 are rounded twice, which is 30·2⁻²³ in the exponent and 255 times that in steps.
    /// </summary>
    const double Tie = 1e-3;

    /// <summary>How far, relative, a probability may be from a threshold of a table with either code right: the same roundings.</summary>
    const double TableTie = 1e-5;

    public static ExactOperator Of(Node node, Tensor input) => node.OpType switch
    {
        "LayerNormQuantize" => Norm(node, input),
        "LinearQuantize" => Linear(node, input),
        "AttentionQuantize" => Attention(node, input),
        var other => throw new NotSupportedException(other),
    };

    static ExactOperator Norm(Node node, Tensor input)
    {
        int columns = (int)input.Shape[^1], rows = (int)(input.Count / columns);
        float[] x = input.ToFloats(), gamma = node.Input(1)!.Constant!.ToFloats(), beta = node.Input(2)?.Constant?.ToFloats() ?? new float[columns];
        double scale = node.Float("scale"), epsilon = node.Float("epsilon");
        var means = new double[rows];
        var factors = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            var values = x.AsSpan(row * columns, columns).ToArray();
            means[row] = values.Average(v => (double)v);
            factors[row] = 1 / Math.Sqrt(values.Average(v => Math.Pow(v - means[row], 2)) + epsilon);
        }
        return new(rows, (row, c) => (((x[row * columns + c] - means[row]) * factors[row] * gamma[c] + beta[c]) / scale, 0));
    }

    static ExactOperator Linear(Node node, Tensor input)
    {
        int K = (int)node.Int("in_features"), N = (int)node.Int("out_features"), bits = (int)node.Int("bits"), zx = (int)node.Int("x_zero_point"), rows = (int)(input.Count / K);
        byte[] x = input.Bytes.ToArray(), packed = node.Input(1)!.Constant!.Bytes.ToArray();
        float[] multiplier = node.Input(2)!.Constant!.ToFloats(), bias = node.Input(3)?.Constant?.ToFloats() ?? new float[N], output = node.Input(5)!.Constant!.ToFloats();
        long[] zw = node.Input(4)?.Constant?.ToIntegers() ?? new long[N];
        string activation = node.String("activation", "none");
        var sums = new long[rows * N];
        int groups = PackedWeights.Groups(K, bits);
        for (int panel = 0; panel < PackedWeights.Panels(N); panel++)
        {
            int channels = PackedWeights.ChannelsOf(panel, N);
            var codes = new sbyte[channels * PackedWeights.GroupSize * groups];
            PackedWeights.UnpackPanel(packed.AsSpan((int)PackedWeights.PanelOffset(panel, K, bits), PackedWeights.PanelBytes(channels, K, bits)), channels, groups, bits, codes);
            for (int channel = 0; channel < channels && panel * PackedWeights.PanelChannels + channel < N; channel++)
                for (int row = 0, n = panel * PackedWeights.PanelChannels + channel; row < rows; row++)
                    for (int k = 0; k < K; k++)
                        sums[row * N + n] += (x[row * K + k] - zx) * (codes[(k / 4 * channels + channel) * 4 + k % 4] - zw[n]);
        }
        return new(rows, (row, n) => (Activated((double)sums[row * N + n] * multiplier[n] + bias[n]) * output[n], 0));

        double Activated(double v) => activation switch
        {
            "none" => v,
            "gelu" => v * NormalDistribution(v),
            "relu" => Math.Max(v, 0),
            var other => throw new NotSupportedException(other),
        };
    }

    static ExactOperator Attention(Node node, Tensor input)
    {
        int heads = (int)node.Int("heads"), size = (int)node.Int("head_size"), columns = (int)input.Shape[^1], T = (int)input.Shape[^2];
        int q = (int)node.Int("q_offset"), k = (int)node.Int("k_offset"), v = (int)node.Int("v_offset");
        int zq = (int)node.Int("q_zero_point"), zk = (int)node.Int("k_zero_point"), zv = (int)node.Int("v_zero_point");
        bool rows = node.String("map", "row") == "row";
        Func<double, (int Code, int Slack)> code;
        if (node.Floats("map_thresholds") is { } thresholds)
        {
            long[] levels = node.Ints("map_levels")!;
            code = p => ((int)levels[thresholds.Count(t => p >= t)], (int)(levels[thresholds.Count(t => p * (1 + TableTie) >= t)] - levels[thresholds.Count(t => p * (1 - TableTie) >= t)]));
        }
        else if (rows)
        {
            int largest = (1 << (int)node.Int("map_bits")) - 1;
            code = p => ((int)Math.Round(p * largest, MidpointRounding.ToEven), Math.Abs(p * largest - Math.Floor(p * largest) - .5) < Tie ? 1 : 0);
        }
        else
            throw new NotSupportedException("A uniform map with one scale is not compared here.");
        double scoreScale = node.Float("score_scale"), scale = node.Float("context_scale") / (double)node.Float("scale");
        byte[] x = input.Bytes.ToArray();
        var values = new (double, double)[T * heads * size];
        for (int head = 0; head < heads; head++)
            for (int query = 0; query < T; query++)
            {
                double[] scores = [.. Enumerable.Range(0, T).Select(t => scoreScale * Enumerable.Range(head * size, size).Sum(c => (x[query * columns + q + c] - zq) * (x[t * columns + k + c] - zk)))];
                double most = scores.Max();
                double[] e = [.. scores.Select(s => Math.Exp(s - most))];
                double sum = e.Sum();
                (int Code, int Slack)[] map = [.. e.Select(p => code(rows ? p : p / sum))];
                double factor = rows ? scale / sum : scale;
                for (int c = head * size; c < (head + 1) * size; c++)
                {
                    double value = 0, slack = 0;
                    for (int t = 0; t < T; t++)
                    {
                        int centered = x[t * columns + v + c] - zv;
                        value += (double)map[t].Code * centered;
                        slack += (double)map[t].Slack * Math.Abs(centered);
                    }
                    values[query * heads * size + c] = (value * factor, slack * factor);
                }
            }
        return new(T, (row, c) => values[row * heads * size + c]);
    }

    /// <summary>Φ(v) = 1/2 + φ(v)·(v + v³/3 + v⁵/(3·5) + …); 0 and 1 beyond ±8, where v·Φ(v) is less than 1e-14 from its limit.</summary>
    static double NormalDistribution(double v)
    {
        if (Math.Abs(v) > 8)
            return v > 0 ? 1 : 0;
        double term = v, sum = v;
        for (int n = 3; Math.Abs(term) > Math.Abs(sum) * 1e-18; n += 2)
            sum += term *= v * v / n;
        return .5 + sum * Math.Exp(-v * v / 2) / Math.Sqrt(2 * Math.PI);
    }
}
