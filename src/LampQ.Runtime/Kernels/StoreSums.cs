using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>Stores the sums as they are: y int32 [M, N].</summary>
unsafe struct StoreSums : IEpilogue
{
    /// <summary>[M, N].</summary>
    public int* Y;

    /// <summary>int32 from one row of y to the next.</summary>
    public nint StrideY;

    /// <summary>Lets a tile write its sums to y itself.</summary>
    public readonly void Place(DotTile* tile, long row, int channel)
    {
        tile->Acc = Y + (nint)row * StrideY + channel;
        tile->StrideAcc = StrideY * sizeof(int);
    }

    // A copy of a length the compiler does not know is a call, which would cost as much as a tenth of a tile of K = 384.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Store(int* acc, int rows, long row, int channel, int channels)
    {
        int* y = Y + (nint)row * StrideY + channel;
        for (int r = 0; r < rows; r++, acc += PackedWeights.PanelChannels, y += StrideY)
        {
            int c = 0;
            for (; c + Vector512<int>.Count <= channels; c += Vector512<int>.Count)
                Vector512.Load(acc + c).Store(y + c);
            for (; c < channels; c++)
                y[c] = acc[c];
        }
    }

    public readonly void Ahead(int rows, long row, int channel) { }
}
