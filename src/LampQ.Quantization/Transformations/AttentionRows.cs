using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Moves factors and offsets between the layers around an attention.</summary>
static class AttentionRows
{
    /// <summary>Attentions over [B, H, T, d]: with heads in the batch axis no [H, 1, 1] scale fits, and they share one scale unfolded.</summary>
    public static IEnumerable<Attention> Suitable(ModelStructure structure) =>
        structure.Attentions.Where(a => !a.HeadsShareBatchAxis && a.Scores.Input(0)!.Shape?.Count == 4);

    /// <summary>Those whose V can be changed as well: nothing but proj uses the context.</summary>
    public static IEnumerable<Attention> WithProj(ModelStructure structure) => Suitable(structure).Where(a => a is { Proj: not null, ProjChannels: not null });

    /// <summary>The scale of each head relative to their mean.</summary>
    public static double[] HeadFactors(ActivationStatistics heads)
    {
        // Searched at 8 bits: fewer bits clip more, but alike in all heads, and only the ratio between heads is folded.
        double[] scales = [.. heads.Groups.Select(h => (double)RangeSearch.Centered(h, 8).Scale)];
        double mean = scales.Average();
        return [.. scales.Select(s => s / mean)];
    }

    /// <summary>y'_n = (y_n − m)/f for the output channels of an operand: its rows of W and its bias.</summary>
    /// <param name="layer">Where the operand comes from.</param>
    /// <param name="channels">Its output channels by head and channel of the head.</param>
    /// <param name="factor">f by head and channel.</param>
    /// <param name="shift">m by head and channel; null is 0, and the only choice for a layer without a bias.</param>
    public static void ScaleRows(QuantizableLayer layer, int[,] channels, Func<int, int, double> factor, Func<int, int, double>? shift = null)
    {
        var weight = layer.ReadWeight();
        var bias = layer.ReadBias();
        for (int h = 0; h < channels.GetLength(0); h++)
            for (int c = 0; c < channels.GetLength(1); c++)
            {
                int n = channels[h, c];
                for (int i = 0; i < layer.InputChannels; i++)
                    weight[n * layer.InputChannels + i] = (float)(weight[n * layer.InputChannels + i] / factor(h, c));
                bias[n] = (float)((bias[n] - (shift?.Invoke(h, c) ?? 0)) / factor(h, c));
            }
        layer.WriteWeight(weight);
        if (layer.Bias is not null)
            layer.WriteBias(bias);
    }

    /// <summary>y'_h = R·y_h for the output channels y_h [d] of each head of an operand: its rows of W and its bias.</summary>
    /// <param name="layer">Where the operand comes from.</param>
    /// <param name="channels">Its output channels by head and channel of the head.</param>
    /// <param name="turn">R·x in place, for x [d].</param>
    public static void TurnRows(QuantizableLayer layer, int[,] channels, Action<Span<double>> turn)
    {
        int inputs = layer.InputChannels, size = channels.GetLength(1);
        var weight = layer.ReadWeight();
        var bias = layer.ReadBias();
        var column = new double[size];
        for (int h = 0; h < channels.GetLength(0); h++)
        {
            for (int i = 0; i < inputs; i++)
                Turn(weight, n => n * inputs + i, h);
            Turn(bias, n => n, h);
        }
        layer.WriteWeight(weight);
        if (layer.Bias is not null)
            layer.WriteBias(bias);

        void Turn(float[] values, Func<int, int> at, int h)
        {
            for (int c = 0; c < size; c++)
                column[c] = values[at(channels[h, c])];
            turn(column);
            for (int c = 0; c < size; c++)
                values[at(channels[h, c])] = (float)column[c];
        }
    }

    /// <summary>What undoes it in the layer behind: W'_c = W_c·f, b' = b + Σ_c W_c·m_c.</summary>
    /// <param name="layer">Takes the operand, averaged over tokens.</param>
    /// <param name="channels">Its input channels by head and channel of the head.</param>
    /// <param name="factor">f by head and channel.</param>
    /// <param name="shift">m by head and channel; null is 0.</param>
    public static void ScaleColumns(QuantizableLayer layer, int[,] channels, Func<int, int, double> factor, Func<int, int, double>? shift = null)
    {
        var weight = layer.ReadWeight();
        var bias = layer.ReadBias();
        for (int n = 0; n < layer.OutputChannels; n++)
        {
            double moved = 0;
            for (int h = 0; h < channels.GetLength(0); h++)
                for (int c = 0; c < channels.GetLength(1); c++)
                {
                    ref float w = ref weight[n * layer.InputChannels + channels[h, c]];
                    moved += w * (shift?.Invoke(h, c) ?? 0);
                    w = (float)(w * factor(h, c));
                }
            bias[n] = (float)(bias[n] + moved);
        }
        layer.WriteWeight(weight);
        if (shift is not null)
            layer.WriteBias(bias);
    }
}
