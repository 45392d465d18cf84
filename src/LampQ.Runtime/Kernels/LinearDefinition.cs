using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>The plain loops that say what <see cref="LinearOperation"/> computes.</summary>
static unsafe class LinearDefinition
{
    public static void Run(LinearOperation operation, in LinearRows rows)
    {
        int N = operation.OutFeatures, K = operation.InFeatures, groups = PackedWeights.Groups(K, operation.Bits);
        var codes = new sbyte[PackedWeights.PanelChannels * PackedWeights.GroupSize * groups];
        for (int n = 0; n < N; n++)
        {
            int panel = n / PackedWeights.PanelChannels, channel = n % PackedWeights.PanelChannels, channels = PackedWeights.ChannelsOf(panel, N);
            if (channel == 0)
                PackedWeights.UnpackPanel(new(operation.Weight + PackedWeights.PanelOffset(panel, K, operation.Bits), PackedWeights.PanelBytes(channels, K, operation.Bits)),
                    channels, groups, operation.Bits, codes);
            for (long m = 0; m < rows.Rows; m++)
            {
                int acc = 0;
                for (int k = 0; k < K; k++)
                {
                    int w = codes[(k / 4 * channels + channel) * 4 + k % 4];
                    acc += (rows.X[m * operation.XColumns + operation.XOffset + k] - operation.XZeroPoint) * (w - (operation.WeightZeroPoint?[n] ?? 0));
                }
                long at = m * N + n;
                if (operation.Codes is not { } bounds)
                {
                    float y = acc * operation.Multiplier[n] + operation.Bias[n];
                    rows.Floats[at] = rows.Residual == null ? y : y + rows.Residual[at];
                }
                else
                {
                    float v = MathF.FusedMultiplyAdd(acc, operation.Multiplier[n], operation.Bias[n]);
                    if (operation.Activation is { } activation)
                        v = activation.Apply(v) * operation.OutputMultiplier![n];
                    if (operation.Table is { } table)
                        for (int plane = 0; plane < table.Planes; plane++)
                            rows.Codes[m * operation.OutColumns + plane * N + n] = (byte)(table.Of(v) >> (8 * plane));
                    else
                        rows.Codes[at] = new CodeRange(operation.OutputZeroPoint![n], bounds.Low, bounds.High).Quantize(v);
                }
            }
        }
    }
}
