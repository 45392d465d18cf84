using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>A vector of bytes, shorts or int32, and what an instruction set does with it.</summary>
/// <typeparam name="TVector">The register; its element type carries no meaning here.</typeparam>
unsafe interface ILanes<TVector>
{
    /// <summary>int32 in a vector.</summary>
    static abstract int Width { get; }

    static abstract TVector Load(void* from);

    static abstract void Store(void* to, TVector vector);

    /// <summary>Repeats 4 bytes over the vector.</summary>
    static abstract TVector Repeat(byte* group);
}

/// <summary>An instruction set's way to add 4 products to each int32 of a vector.</summary>
unsafe interface IDot<TVector> : ILanes<TVector>
{
    /// <summary>sums[i] + Σ_j x[4i + j]·w[4i + j], exact for every x that is a byte and every w that is a signed byte, or as its kernel bounds them.</summary>
    static abstract TVector Dot(TVector sums, TVector x, TVector w);
}

/// <summary>The tile loop of every kernel that adds 4 products at a time: 6 rows by two vectors of channels stay in registers.</summary>
static unsafe class DotLoop
{
    /// <summary>Computes a tile.</summary>
    public static void Run<TDot, TVector>(DotTile* tile) where TDot : struct, IDot<TVector> where TVector : struct
    {
        int channel = 0;
        for (; channel + 2 * TDot.Width <= tile->Channels; channel += 2 * TDot.Width)
            Slice<TDot, TVector, Two>(tile, channel);
        for (; channel < tile->Channels; channel += TDot.Width)
            Slice<TDot, TVector, One>(tile, channel);
    }

    static void Slice<TDot, TVector, TVectors>(DotTile* tile, int channel) where TDot : struct, IDot<TVector> where TVector : struct where TVectors : struct, ICount
    {
        switch (tile->Rows)
        {
            case 1: Rows<TDot, TVector, TVectors, One>(tile, channel); break;
            case 2: Rows<TDot, TVector, TVectors, Two>(tile, channel); break;
            case 3: Rows<TDot, TVector, TVectors, Three>(tile, channel); break;
            case 4: Rows<TDot, TVector, TVectors, Four>(tile, channel); break;
            case 5: Rows<TDot, TVector, TVectors, Five>(tile, channel); break;
            default: Rows<TDot, TVector, TVectors, Six>(tile, channel); break;
        }
    }

    // Sums are locals, not an array: only locals live in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rows<TDot, TVector, TVectors, TRows>(DotTile* tile, int channel)
        where TDot : struct, IDot<TVector> where TVector : struct where TVectors : struct, ICount where TRows : struct, ICount
    {
        byte* x = tile->X;
        nint stride = tile->StrideX, step = PackedGroup * (nint)tile->Channels;
        byte* x3 = TRows.Value > 3 ? x + 3 * stride : x;
        byte* w = (byte*)tile->W + PackedGroup * channel, end = w + step * tile->Groups;
        int* init = tile->Init + channel;
        TVector a0 = TDot.Load(init), b0 = TVectors.Value > 1 ? TDot.Load(init + TDot.Width) : default;
        TVector a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
        for (; w < end; w += step, x += PackedGroup, x3 += PackedGroup)
        {
            TVector wa = TDot.Load(w), wb = TVectors.Value > 1 ? TDot.Load(w + PackedGroup * TDot.Width) : default;
            var x0 = TDot.Repeat(x);
            a0 = TDot.Dot(a0, x0, wa);
            if (TVectors.Value > 1)
                b0 = TDot.Dot(b0, x0, wb);
            if (TRows.Value > 1)
            {
                var x1 = TDot.Repeat(x + stride);
                a1 = TDot.Dot(a1, x1, wa);
                if (TVectors.Value > 1)
                    b1 = TDot.Dot(b1, x1, wb);
            }
            if (TRows.Value > 2)
            {
                var x2 = TDot.Repeat(x + 2 * stride);
                a2 = TDot.Dot(a2, x2, wa);
                if (TVectors.Value > 1)
                    b2 = TDot.Dot(b2, x2, wb);
            }
            if (TRows.Value > 3)
            {
                var xr = TDot.Repeat(x3);
                a3 = TDot.Dot(a3, xr, wa);
                if (TVectors.Value > 1)
                    b3 = TDot.Dot(b3, xr, wb);
            }
            if (TRows.Value > 4)
            {
                var x4 = TDot.Repeat(x3 + stride);
                a4 = TDot.Dot(a4, x4, wa);
                if (TVectors.Value > 1)
                    b4 = TDot.Dot(b4, x4, wb);
            }
            if (TRows.Value > 5)
            {
                var x5 = TDot.Repeat(x3 + 2 * stride);
                a5 = TDot.Dot(a5, x5, wa);
                if (TVectors.Value > 1)
                    b5 = TDot.Dot(b5, x5, wb);
            }
        }
        int* acc = tile->Acc + channel;
        Store<TDot, TVector, TVectors>(tile, acc, 0, a0, b0);
        if (TRows.Value > 1)
            Store<TDot, TVector, TVectors>(tile, acc, 1, a1, b1);
        if (TRows.Value > 2)
            Store<TDot, TVector, TVectors>(tile, acc, 2, a2, b2);
        if (TRows.Value > 3)
            Store<TDot, TVector, TVectors>(tile, acc, 3, a3, b3);
        if (TRows.Value > 4)
            Store<TDot, TVector, TVectors>(tile, acc, 4, a4, b4);
        if (TRows.Value > 5)
            Store<TDot, TVector, TVectors>(tile, acc, 5, a5, b5);
    }

    const int PackedGroup = LampQ.Onnx.PackedWeights.GroupSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<TDot, TVector, TVectors>(DotTile* tile, int* acc, int row, TVector a, TVector b)
        where TDot : struct, IDot<TVector> where TVector : struct where TVectors : struct, ICount
    {
        int* to = (int*)((byte*)acc + row * tile->StrideAcc);
        TDot.Store(to, a);
        if (TVectors.Value > 1)
            TDot.Store(to + TDot.Width, b);
    }
}
