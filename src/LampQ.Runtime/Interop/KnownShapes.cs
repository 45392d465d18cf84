namespace LampQ.Runtime;

/// <summary>One array for each shape: a model asks for the same few in every run, and a fresh array for each tensor was most of what a run allocated.</summary>
/// <remarks>Nobody writes to the arrays. Shapes whose places collide push each other out, which costs an allocation and nothing else.</remarks>
static class KnownShapes
{
    const int Places = 256;
    static readonly long[]?[] known = new long[Places][];

    /// <summary>An array that holds the shape.</summary>
    public static long[] Of(ReadOnlySpan<long> shape)
    {
        uint hash = (uint)shape.Length;
        foreach (long dimension in shape)
            hash = (hash * 31 + (uint)dimension) * 0x9E3779B1;
        ref var place = ref known[hash >> 24];
        if (Volatile.Read(ref place) is { } seen && shape.SequenceEqual(seen))
            return seen;
        long[] added = shape.ToArray();
        Volatile.Write(ref place, added);
        return added;
    }
}
