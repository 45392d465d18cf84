using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>Turns packed panels below 8 bits into signed bytes (docs/formats.md), the operand of every <see cref="DotKernel"/>.</summary>
static unsafe class WeightUnpacker
{
    /// <summary>The largest |w| of a width: 2^(bits − 1).</summary>
    public static int LargestWeight(int bits) => 1 << (bits - 1);

    /// <summary>Unpacks a panel.</summary>
    /// <param name="panel">channels·4·groups·bits/8 bytes.</param>
    /// <param name="channels">16, 32, 48 or 64.</param>
    /// <param name="groups">Stored groups, a multiple of 8.</param>
    /// <param name="bits">2 to 7; 8-bit panels need no unpacking.</param>
    /// <param name="codes">Takes channels·4·groups codes.</param>
    public static void Unpack(byte* panel, int channels, int groups, int bits, sbyte* codes)
    {
        switch (bits)
        {
            case 2: Unpack<Two>(panel, channels, groups, codes); break;
            case 3: Unpack<Three>(panel, channels, groups, codes); break;
            case 4: Unpack<Four>(panel, channels, groups, codes); break;
            case 5: Unpack<Five>(panel, channels, groups, codes); break;
            case 6: Unpack<Six>(panel, channels, groups, codes); break;
            case 7: Unpack<Seven>(panel, channels, groups, codes); break;
            default: throw new ArgumentOutOfRangeException(nameof(bits), bits, "Panels of 2 to 7 bits can be unpacked.");
        }
    }

    /// <summary>Σ_k w of every output channel.</summary>
    /// <param name="weights">A packed matrix.</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">K.</param>
    /// <param name="bits">2 to 8.</param>
    /// <returns>N sums.</returns>
    public static int[] ChannelSums(byte* weights, int rows, int columns, int bits)
    {
        var sums = new int[rows];
        int groups = PackedWeights.Groups(columns, bits);
        using var scratch = Scratch.Rent((long)PackedWeights.PanelChannels * PackedWeights.GroupSize * groups);
        for (int panel = 0; panel < PackedWeights.Panels(rows); panel++)
        {
            int channels = PackedWeights.ChannelsOf(panel, rows), first = panel * PackedWeights.PanelChannels;
            var codes = (sbyte*)(weights + PackedWeights.PanelOffset(panel, columns, bits));
            if (bits < 8)
            {
                Unpack((byte*)codes, channels, groups, bits, (sbyte*)scratch.Pointer);
                codes = (sbyte*)scratch.Pointer;
            }
            for (int k = 0; k < columns; k++)
                for (int channel = 0; channel < channels && first + channel < rows; channel++)
                    sums[first + channel] += codes[(k / PackedWeights.GroupSize * channels + channel) * PackedWeights.GroupSize + k % PackedWeights.GroupSize];
        }
        return sums;
    }

    static void Unpack<TBits>(byte* panel, int channels, int groups, sbyte* codes) where TBits : struct, ICount
    {
        if (Vector512.IsHardwareAccelerated)
            Units<TBits, Lanes512, Vector512<byte>>(panel, channels, groups, codes);
        else if (Vector256.IsHardwareAccelerated)
            Units<TBits, Lanes256, Vector256<byte>>(panel, channels, groups, codes);
        else
            Units<TBits, Lanes128, Vector128<byte>>(panel, channels, groups, codes);
    }

    // 4·channels is a multiple of 64, so whole vectors fit every block.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Units<TBits, TLanes, TVector>(byte* panel, int channels, int groups, sbyte* codes)
        where TBits : struct, ICount where TLanes : struct, IByteLanes<TVector> where TVector : struct
    {
        nint width = channels * PackedWeights.GroupSize, unit = TBits.Value * width;
        var half = TLanes.Repeat((byte)(1 << (TBits.Value - 1)));
        for (int group = 0; group < groups; group += PackedWeights.UnitGroups, panel += unit, codes += PackedWeights.UnitGroups * width)
            for (nint i = 0; i < width; i += Unsafe.SizeOf<TVector>())
            {
                byte* from = panel + i;
                byte* to = (byte*)codes + i;
                TVector four0 = default, four1 = default, four2 = default, four3 = default, two0 = default, two1 = default, one = default;
                if ((TBits.Value & 4) != 0)
                {
                    (four0, four1) = (TLanes.Load(from), TLanes.Load(from + width));
                    (four2, four3) = (TLanes.Load(from + 2 * width), TLanes.Load(from + 3 * width));
                    from += 4 * width;
                }
                if ((TBits.Value & 2) != 0)
                {
                    (two0, two1) = (TLanes.Load(from), TLanes.Load(from + width));
                    from += 2 * width;
                }
                if ((TBits.Value & 1) != 0)
                    one = TLanes.Load(from);
                TLanes.Store(to, TLanes.Subtract(Code<TBits, TLanes, TVector>(four0, 0, two0, 0, one, 0), half));
                TLanes.Store(to + width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four0, 4, two0, 2, one, 1), half));
                TLanes.Store(to + 2 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four1, 0, two0, 4, one, 2), half));
                TLanes.Store(to + 3 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four1, 4, two0, 6, one, 3), half));
                TLanes.Store(to + 4 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four2, 0, two1, 0, one, 4), half));
                TLanes.Store(to + 5 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four2, 4, two1, 2, one, 5), half));
                TLanes.Store(to + 6 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four3, 0, two1, 4, one, 6), half));
                TLanes.Store(to + 7 * width, TLanes.Subtract(Code<TBits, TLanes, TVector>(four3, 4, two1, 6, one, 7), half));
            }
    }

    /// <summary>Puts the fields of a group back together, lowest bits first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Code<TBits, TLanes, TVector>(TVector four, int fourAt, TVector two, int twoAt, TVector one, int oneAt)
        where TBits : struct, ICount where TLanes : struct, IByteLanes<TVector> where TVector : struct
    {
        var code = (TBits.Value & 4) != 0 ? Field<TLanes, TVector>(four, 4, fourAt, 0) : default;
        if ((TBits.Value & 2) != 0)
            code = TLanes.Or(code, Field<TLanes, TVector>(two, 2, twoAt, TBits.Value & 4));
        if ((TBits.Value & 1) != 0)
            code = TLanes.Or(code, Field<TLanes, TVector>(one, 1, oneAt, TBits.Value & 6));
        return code;
    }

    /// <summary>Moves a field of <paramref name="bits"/> bits from one bit position of its byte to another.</summary>
    // Bytes have no shift of their own; what a 16-bit shift carries over from the neighbour is masked away.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Field<TLanes, TVector>(TVector block, int bits, int from, int to) where TLanes : struct, IByteLanes<TVector> where TVector : struct
    {
        var moved = from > to ? TLanes.ShiftRight(block, from - to) : from < to ? TLanes.ShiftLeft(block, to - from) : block;
        return TLanes.And(moved, TLanes.Repeat((byte)(((1 << bits) - 1) << to)));
    }
}
