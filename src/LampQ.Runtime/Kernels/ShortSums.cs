using System.Runtime.CompilerServices;
using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>An instruction set that multiplies unsigned by signed bytes and adds neighbouring pairs in 16 bits (VPMADDUBSW).</summary>
interface IShortLanes<TVector> : ILanes<TVector>
{
    /// <summary>sums[i] + x[2i]·w[2i] + x[2i+1]·w[2i+1] in 16 bits.</summary>
    static abstract TVector AddPairs(TVector sums, TVector x, TVector w);

    /// <summary>sums[i] + shorts[2i] + shorts[2i+1] in 32 bits.</summary>
    static abstract TVector Widen(TVector sums, TVector shorts);
}

/// <summary>
/// The tile loop of CPUs without a 4-way dot product. A pair of products is at most 2·LargestX·LargestW; as many pairs as surely fit 16 bits are added
/// there, one multiplication and one addition for a vector of products, before they are widened.
/// </summary>
static unsafe class ShortSums
{
    /// <summary>Pairs that fit a short whatever their signs.</summary>
    public static int Pairs(DotTile* tile) => tile->LargestW == 0 || tile->LargestX == 0 ? int.MaxValue : (int)(short.MaxValue / (2L * tile->LargestX * tile->LargestW));

    /// <summary>Computes a tile by the cheapest exact way: several pairs in 16 bits, one pair, or no 16-bit sums.</summary>
    public static void Run<TLanes, TDot, TWideDot, TVector>(DotTile* tile)
        where TLanes : struct, IShortLanes<TVector> where TDot : struct, IDot<TVector> where TWideDot : struct, IDot<TVector> where TVector : struct
    {
        int pairs = Pairs(tile);
        if (pairs == 0)
            DotLoop.Run<TWideDot, TVector>(tile);
        else if (pairs == 1)
            DotLoop.Run<TDot, TVector>(tile);
        else
            Run<TLanes, TVector>(tile, pairs);
    }

    static void Run<TLanes, TVector>(DotTile* tile, int pairs) where TLanes : struct, IShortLanes<TVector> where TVector : struct
    {
        int channel = 0;
        for (; channel + 2 * TLanes.Width <= tile->Channels; channel += 2 * TLanes.Width)
            Slice<TLanes, TVector, Two>(tile, channel, pairs);
        for (; channel < tile->Channels; channel += TLanes.Width)
            Slice<TLanes, TVector, One>(tile, channel, pairs);
    }

    static void Slice<TLanes, TVector, TVectors>(DotTile* tile, int channel, int pairs)
        where TLanes : struct, IShortLanes<TVector> where TVector : struct where TVectors : struct, ICount
    {
        switch (tile->Rows)
        {
            case 1: Rows<TLanes, TVector, TVectors, One>(tile, channel, pairs); break;
            case 2: Rows<TLanes, TVector, TVectors, Two>(tile, channel, pairs); break;
            case 3: Rows<TLanes, TVector, TVectors, Three>(tile, channel, pairs); break;
            case 4: Rows<TLanes, TVector, TVectors, Four>(tile, channel, pairs); break;
            case 5: Rows<TLanes, TVector, TVectors, Five>(tile, channel, pairs); break;
            default: Rows<TLanes, TVector, TVectors, Six>(tile, channel, pairs); break;
        }
    }

    // Sums are locals, not an array: only locals live in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rows<TLanes, TVector, TVectors, TRows>(DotTile* tile, int channel, int pairs)
        where TLanes : struct, IShortLanes<TVector> where TVector : struct where TVectors : struct, ICount where TRows : struct, ICount
    {
        byte* x = tile->X;
        nint stride = tile->StrideX, step = PackedWeights.GroupSize * (nint)tile->Channels;
        byte* x3 = TRows.Value > 3 ? x + 3 * stride : x;
        byte* w = (byte*)tile->W + PackedWeights.GroupSize * channel, last = w + step * tile->Groups;
        int* init = tile->Init + channel;
        TVector A0 = TLanes.Load(init), B0 = TVectors.Value > 1 ? TLanes.Load(init + TLanes.Width) : default;
        TVector A1 = A0, A2 = A0, A3 = A0, A4 = A0, A5 = A0, B1 = B0, B2 = B0, B3 = B0, B4 = B0, B5 = B0;
        while (w < last)
        {
            byte* end = last - w <= step * pairs ? last : w + step * pairs;
            TVector a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
            TVector b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
            for (; w < end; w += step, x += PackedWeights.GroupSize, x3 += PackedWeights.GroupSize)
            {
                TVector wa = TLanes.Load(w), wb = TVectors.Value > 1 ? TLanes.Load(w + PackedWeights.GroupSize * TLanes.Width) : default;
                var x0 = TLanes.Repeat(x);
                a0 = TLanes.AddPairs(a0, x0, wa);
                if (TVectors.Value > 1)
                    b0 = TLanes.AddPairs(b0, x0, wb);
                if (TRows.Value > 1)
                {
                    var x1 = TLanes.Repeat(x + stride);
                    a1 = TLanes.AddPairs(a1, x1, wa);
                    if (TVectors.Value > 1)
                        b1 = TLanes.AddPairs(b1, x1, wb);
                }
                if (TRows.Value > 2)
                {
                    var x2 = TLanes.Repeat(x + 2 * stride);
                    a2 = TLanes.AddPairs(a2, x2, wa);
                    if (TVectors.Value > 1)
                        b2 = TLanes.AddPairs(b2, x2, wb);
                }
                if (TRows.Value > 3)
                {
                    var xr = TLanes.Repeat(x3);
                    a3 = TLanes.AddPairs(a3, xr, wa);
                    if (TVectors.Value > 1)
                        b3 = TLanes.AddPairs(b3, xr, wb);
                }
                if (TRows.Value > 4)
                {
                    var x4 = TLanes.Repeat(x3 + stride);
                    a4 = TLanes.AddPairs(a4, x4, wa);
                    if (TVectors.Value > 1)
                        b4 = TLanes.AddPairs(b4, x4, wb);
                }
                if (TRows.Value > 5)
                {
                    var x5 = TLanes.Repeat(x3 + 2 * stride);
                    a5 = TLanes.AddPairs(a5, x5, wa);
                    if (TVectors.Value > 1)
                        b5 = TLanes.AddPairs(b5, x5, wb);
                }
            }
            A0 = TLanes.Widen(A0, a0);
            if (TVectors.Value > 1)
                B0 = TLanes.Widen(B0, b0);
            if (TRows.Value > 1)
            {
                A1 = TLanes.Widen(A1, a1);
                if (TVectors.Value > 1)
                    B1 = TLanes.Widen(B1, b1);
            }
            if (TRows.Value > 2)
            {
                A2 = TLanes.Widen(A2, a2);
                if (TVectors.Value > 1)
                    B2 = TLanes.Widen(B2, b2);
            }
            if (TRows.Value > 3)
            {
                A3 = TLanes.Widen(A3, a3);
                if (TVectors.Value > 1)
                    B3 = TLanes.Widen(B3, b3);
            }
            if (TRows.Value > 4)
            {
                A4 = TLanes.Widen(A4, a4);
                if (TVectors.Value > 1)
                    B4 = TLanes.Widen(B4, b4);
            }
            if (TRows.Value > 5)
            {
                A5 = TLanes.Widen(A5, a5);
                if (TVectors.Value > 1)
                    B5 = TLanes.Widen(B5, b5);
            }
        }
        int* acc = tile->Acc + channel;
        Store<TLanes, TVector, TVectors>(tile, acc, 0, A0, B0);
        if (TRows.Value > 1)
            Store<TLanes, TVector, TVectors>(tile, acc, 1, A1, B1);
        if (TRows.Value > 2)
            Store<TLanes, TVector, TVectors>(tile, acc, 2, A2, B2);
        if (TRows.Value > 3)
            Store<TLanes, TVector, TVectors>(tile, acc, 3, A3, B3);
        if (TRows.Value > 4)
            Store<TLanes, TVector, TVectors>(tile, acc, 4, A4, B4);
        if (TRows.Value > 5)
            Store<TLanes, TVector, TVectors>(tile, acc, 5, A5, B5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<TLanes, TVector, TVectors>(DotTile* tile, int* acc, int row, TVector a, TVector b)
        where TLanes : struct, IShortLanes<TVector> where TVector : struct where TVectors : struct, ICount
    {
        int* to = (int*)((byte*)acc + row * tile->StrideAcc);
        TLanes.Store(to, a);
        if (TVectors.Value > 1)
            TLanes.Store(to + TLanes.Width, b);
    }
}
