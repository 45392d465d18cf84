namespace LampQ.Onnx;

/// <summary>
/// The byte layout of packed weights (docs/formats.md): panels of 64 output channels, groups of 4 neighbouring k a channel, and below 8 bits
/// units of 8 groups whose bits are split into fields of 4, 2 and 1.
/// </summary>
public static class PackedWeights
{
    /// <summary>Output channels of a full panel.</summary>
    public const int PanelChannels = 64;

    /// <summary>Neighbouring k a channel holds together.</summary>
    public const int GroupSize = 4;

    /// <summary>Groups of a unit, the smallest piece below 8 bits that starts at a byte.</summary>
    public const int UnitGroups = 8;

    /// <summary>Panels of a matrix with <paramref name="rows"/> output channels.</summary>
    public static int Panels(int rows) => rows / PanelChannels + (rows % PanelChannels == 0 ? 0 : 1);

    /// <summary>Stored channels of a panel: 64, and in the last one what is left of N rounded up to 16.</summary>
    public static int ChannelsOf(int panel, int rows) => Math.Min(PanelChannels, (rows - panel * PanelChannels + 15) / 16 * 16);

    /// <summary>Stored groups of 4 k: K rounded up to 4 at 8 bits, to 32 below.</summary>
    public static int Groups(int columns, int bits) =>
        bits == 8 ? (columns + GroupSize - 1) / GroupSize : (columns + GroupSize * UnitGroups - 1) / (GroupSize * UnitGroups) * UnitGroups;

    /// <summary>Bytes of a panel with <paramref name="channels"/> stored channels.</summary>
    public static int PanelBytes(int channels, int columns, int bits) => channels * GroupSize * Groups(columns, bits) / 8 * bits;

    /// <summary>Where a panel starts.</summary>
    public static long PanelOffset(int panel, int columns, int bits) => (long)panel * PanelBytes(PanelChannels, columns, bits);

    /// <summary>Bytes of the whole matrix.</summary>
    /// <param name="rows">N, output channels.</param>
    /// <param name="columns">K, input channels.</param>
    /// <param name="bits">2 to 8.</param>
    public static long SizeInBytes(int rows, int columns, int bits)
    {
        Check(rows, columns, bits);
        int last = Panels(rows) - 1;
        return PanelOffset(last, columns, bits) + PanelBytes(ChannelsOf(last, rows), columns, bits);
    }

    /// <summary>Packs a matrix.</summary>
    /// <param name="codes">[N, K] row-major, −2^(bits−1) ≤ code &lt; 2^(bits−1).</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">K.</param>
    /// <param name="bits">2 to 8.</param>
    /// <exception cref="ArgumentException">The number of codes is not N·K, or a code does not fit its bits.</exception>
    public static byte[] Pack(ReadOnlySpan<sbyte> codes, int rows, int columns, int bits)
    {
        if (codes.Length != (long)rows * columns)
            throw new ArgumentException($"{codes.Length} codes do not fill a matrix of {rows} x {columns}.", nameof(codes));
        var packed = new byte[SizeInBytes(rows, columns, bits)];
        int half = 1 << (bits - 1), groups = Groups(columns, bits);
        for (int panel = 0; panel < Panels(rows); panel++)
        {
            int channels = ChannelsOf(panel, rows);
            var target = packed.AsSpan((int)PanelOffset(panel, columns, bits), PanelBytes(channels, columns, bits));
            for (int group = 0; group < groups; group++)
                for (int channel = 0; channel < channels; channel++)
                    for (int i = 0; i < GroupSize; i++)
                    {
                        int n = panel * PanelChannels + channel, k = group * GroupSize + i;
                        int code = n < rows && k < columns ? codes[n * columns + k] : 0;
                        if (code < -half || code >= half)
                            throw new ArgumentException($"Code {code} at [{n}, {k}] does not fit {bits} bits ({-half} to {half - 1}).", nameof(codes));
                        if (bits == 8)
                            target[(group * channels + channel) * GroupSize + i] = (byte)code;
                        else
                            Put(target, code + half, group, channel * GroupSize + i, channels * GroupSize, bits);
                    }
        }
        return packed;
    }

    /// <summary>The codes of one panel, group after group as an 8-bit panel holds them: the definition that kernels are tested against.</summary>
    /// <param name="panel">The packed panel.</param>
    /// <param name="channels">Its stored channels.</param>
    /// <param name="groups">Its stored groups.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="codes">Takes channels·4·groups codes.</param>
    public static void UnpackPanel(ReadOnlySpan<byte> panel, int channels, int groups, int bits, Span<sbyte> codes)
    {
        int width = channels * GroupSize;
        if (bits == 8)
        {
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(panel[..(width * groups)]).CopyTo(codes);
            return;
        }
        for (int group = 0; group < groups; group++)
            for (int i = 0; i < width; i++)
                codes[group * width + i] = (sbyte)(Get(panel, group, i, width, bits) - (1 << (bits - 1)));
    }

    // A weight's bits are split into fields of 4, 2 and 1 bits, lowest bits first: 3 is 2 + 1, 7 is 4 + 2 + 1. A field of all groups of a unit fills a block of its own.
    static void Put(Span<byte> panel, int unsigned, int group, int index, int width, int bits)
    {
        int block = group / UnitGroups * bits;
        for (int field = 4; field > 0; field >>= 1)
            if ((bits & field) != 0)
            {
                var (at, shift) = Place(block, group, index, width, field);
                panel[at] |= (byte)((unsigned & ((1 << field) - 1)) << shift);
                unsigned >>= field;
                block += field;
            }
    }

    static int Get(ReadOnlySpan<byte> panel, int group, int index, int width, int bits)
    {
        int unsigned = 0, taken = 0, block = group / UnitGroups * bits;
        for (int field = 4; field > 0; field >>= 1)
            if ((bits & field) != 0)
            {
                var (at, shift) = Place(block, group, index, width, field);
                unsigned |= ((panel[at] >> shift) & ((1 << field) - 1)) << taken;
                taken += field;
                block += field;
            }
        return unsigned;
    }

    /// <summary>The byte and the first bit in it of a field.</summary>
    static (int At, int Shift) Place(int block, int group, int index, int width, int field)
    {
        int inUnit = group % UnitGroups, perByte = 8 / field;
        return ((block + inUnit / perByte) * width + index, inUnit % perByte * field);
    }

    static void Check(int rows, int columns, int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
    }
}
