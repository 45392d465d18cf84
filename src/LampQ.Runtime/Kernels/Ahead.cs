using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

/// <summary>Asks the CPU to bring memory nearer before it is used; says nothing about what is there, and never fails.</summary>
static unsafe class Ahead
{
    /// <summary>Bytes of a cache line.</summary>
    public const int Line = 64;

    /// <summary>Brings rows of bytes into the first cache.</summary>
    /// <param name="first">Row 0.</param>
    /// <param name="bytes">Bytes of a row that are used.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    public static void Rows(byte* first, int bytes, int rows, nint stride)
    {
        if (!Sse.IsSupported)
            return;
        for (int row = 0; row < rows; row++, first += stride)
            for (int at = 0; at < bytes; at += Line)
                Sse.Prefetch0(first + at);
    }
}

/// <summary>
/// Fetches the panel behind the present one into the second-level cache, a piece a tile: the weights of a model do not stay in a core's caches from run to run, and the first tile
/// of a panel would wait for them.
/// </summary>
unsafe struct PanelAhead(byte* next, byte* end, nint piece)
{
    byte* next = next;

    public void Fetch()
    {
        if (!Sse.IsSupported)
            return;
        for (byte* stop = next + Math.Min(piece, (nint)(end - next)); next < stop; next += Ahead.Line)
            Sse.Prefetch1(next);
    }
}
