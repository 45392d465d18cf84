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
        for (int row = 0; row < tile->Rows; row++)
            Unsafe.CopyBlockUnaligned((byte*)tile->Acc + row * tile->StrideAcc, tile->Init, (uint)(tile->Channels * sizeof(int)));
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
        int* acc = tile->Acc + channel;
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
            Add<TLanes, TVector, TVectors>(tile, acc, 0, a0, b0);
            if (TRows.Value > 1)
                Add<TLanes, TVector, TVectors>(tile, acc, 1, a1, b1);
            if (TRows.Value > 2)
                Add<TLanes, TVector, TVectors>(tile, acc, 2, a2, b2);
            if (TRows.Value > 3)
                Add<TLanes, TVector, TVectors>(tile, acc, 3, a3, b3);
            if (TRows.Value > 4)
                Add<TLanes, TVector, TVectors>(tile, acc, 4, a4, b4);
            if (TRows.Value > 5)
                Add<TLanes, TVector, TVectors>(tile, acc, 5, a5, b5);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<TLanes, TVector, TVectors>(DotTile* tile, int* acc, int row, TVector a, TVector b)
        where TLanes : struct, IShortLanes<TVector> where TVector : struct where TVectors : struct, ICount
    {
        int* to = (int*)((byte*)acc + row * tile->StrideAcc);
        TLanes.Store(to, TLanes.Widen(TLanes.Load(to), a));
        if (TVectors.Value > 1)
            TLanes.Store(to + TLanes.Width, TLanes.Widen(TLanes.Load(to + TLanes.Width), b));
    }
}
