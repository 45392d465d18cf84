namespace LampQ.Runtime;

/// <summary>Cuts lent memory into pieces that start at cache lines.</summary>
unsafe struct ScratchParts(byte* start)
{
    const int Alignment = 64;
    readonly byte* start = start;
    byte* next = start;

    /// <summary>Bytes that the pieces take.</summary>
    public readonly long Taken => next - start;

    /// <summary>The next piece.</summary>
    public byte* Take(long bytes)
    {
        byte* part = next;
        next += (bytes + Alignment - 1) / Alignment * Alignment;
        return part;
    }
}
