using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

/// <summary>
/// One head of K or V [T, d] as panels of signed codes, code − 128, for <see cref="DotKernel"/>: groups of 4 columns of every token for K, groups of 4 tokens of every
/// column for V. What pads them is 0.
/// </summary>
static unsafe class HeadPanels
{
    const int Panel = 64, Block = 16;

    /// <summary>d rounded up to whole blocks: channels of the panels of V, and bytes a token has in those of K.</summary>
    public static int Columns(int headSize) => (headSize + Block - 1) / Block * Block;

    /// <summary>T rounded up to whole blocks: channels of the panels of K.</summary>
    public static int PaddedTokens(int tokens) => (tokens + Block - 1) / Block * Block;

    /// <summary>T rounded up to whole panels: bytes a column has in the panels of V, and room that rows of scores and of codes have.</summary>
    public static int Tokens(int tokens) => (tokens + Panel - 1) / Panel * Panel;

    /// <summary>Panels of 64 tokens (the last one: of whole blocks), [group of 4 columns][token][4].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTokens(byte* k, long stride, int tokens, int headSize, sbyte* panels)
    {
        int padded = Columns(headSize), end = PaddedTokens(tokens);
        for (int first = 0; first < end; first += Panel)
        {
            int channels = Math.Min(Panel, end - first);
            for (int token = first; token < first + channels; token += 4)
                for (int column = 0; column < padded; column += Block)
                {
                    var (r0, r1, r2, r3) = Load(k + token * stride + column, stride, tokens - token, headSize - column);
                    var (low01, high01) = Zip(r0.AsUInt32(), r1.AsUInt32());
                    var (low23, high23) = Zip(r2.AsUInt32(), r3.AsUInt32());
                    var (g0, g1) = Zip(low01.AsUInt64(), low23.AsUInt64());
                    var (g2, g3) = Zip(high01.AsUInt64(), high23.AsUInt64());
                    Store(panels + (long)first * padded + ((long)column / 4 * channels + token - first) * 4, channels * 4, g0.AsByte(), g1.AsByte(), g2.AsByte(), g3.AsByte());
                }
        }
    }

    /// <summary>Panels of 64 columns (the last one: of whole blocks), [group of 4 tokens][column][4].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackColumns(byte* v, long stride, int tokens, int headSize, sbyte* panels)
    {
        int padded = Columns(headSize), room = Tokens(tokens);
        for (int first = 0; first < padded; first += Panel)
        {
            int channels = Math.Min(Panel, padded - first);
            for (int token = 0; token < tokens; token += 4)
                for (int column = first; column < first + channels; column += Block)
                {
                    var (r0, r1, r2, r3) = Load(v + token * stride + column, stride, tokens - token, headSize - column);
                    var (low01, high01) = Zip(r0, r1);
                    var (low23, high23) = Zip(r2, r3);
                    var (c0, c1) = Zip(low01.AsUInt16(), low23.AsUInt16());
                    var (c2, c3) = Zip(high01.AsUInt16(), high23.AsUInt16());
                    Store(panels + (long)first * room + ((long)token / 4 * channels + column - first) * 4, Block, c0.AsByte(), c1.AsByte(), c2.AsByte(), c3.AsByte());
                }
        }
    }

    /// <summary>16 bytes of 4 rows, less 128; 0 where the matrix has ended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector128<byte>, Vector128<byte>, Vector128<byte>, Vector128<byte>) Load(byte* source, long stride, int rows, int columns)
    {
        if (rows < 4 || columns < Block)
            return LoadTail(source, stride, rows, columns);
        var half = Vector128.Create((byte)0x80);
        return (Vector128.Load(source) ^ half, Vector128.Load(source + stride) ^ half, Vector128.Load(source + 2 * stride) ^ half, Vector128.Load(source + 3 * stride) ^ half);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static (Vector128<byte>, Vector128<byte>, Vector128<byte>, Vector128<byte>) LoadTail(byte* source, long stride, int rows, int columns)
    {
        byte* block = stackalloc byte[4 * Block];
        new Span<byte>(block, 4 * Block).Clear();
        for (int row = 0; row < Math.Min(4, rows); row++)
            for (int column = 0; column < Math.Min(Block, columns); column++)
                block[row * Block + column] = (byte)(source[row * stride + column] ^ 0x80);
        return (Vector128.Load(block), Vector128.Load(block + Block), Vector128.Load(block + 2 * Block), Vector128.Load(block + 3 * Block));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(sbyte* target, int stride, Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, Vector128<byte> d)
    {
        a.Store((byte*)target);
        b.Store((byte*)target + stride);
        c.Store((byte*)target + 2 * stride);
        d.Store((byte*)target + 3 * stride);
    }

    /// <summary>Elements of a and b in turn: the lower halves, and the upper ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector128<T> Low, Vector128<T> High) Zip<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged
    {
        if (sizeof(T) == 1)
            return Sse2.IsSupported ? (Sse2.UnpackLow(a.AsByte(), b.AsByte()).As<byte, T>(), Sse2.UnpackHigh(a.AsByte(), b.AsByte()).As<byte, T>())
                : AdvSimd.Arm64.IsSupported ? (AdvSimd.Arm64.ZipLow(a.AsByte(), b.AsByte()).As<byte, T>(), AdvSimd.Arm64.ZipHigh(a.AsByte(), b.AsByte()).As<byte, T>())
                : ZipElements(a, b);
        if (sizeof(T) == 2)
            return Sse2.IsSupported ? (Sse2.UnpackLow(a.AsUInt16(), b.AsUInt16()).As<ushort, T>(), Sse2.UnpackHigh(a.AsUInt16(), b.AsUInt16()).As<ushort, T>())
                : AdvSimd.Arm64.IsSupported ? (AdvSimd.Arm64.ZipLow(a.AsUInt16(), b.AsUInt16()).As<ushort, T>(), AdvSimd.Arm64.ZipHigh(a.AsUInt16(), b.AsUInt16()).As<ushort, T>())
                : ZipElements(a, b);
        if (sizeof(T) == 4)
            return Sse2.IsSupported ? (Sse2.UnpackLow(a.AsUInt32(), b.AsUInt32()).As<uint, T>(), Sse2.UnpackHigh(a.AsUInt32(), b.AsUInt32()).As<uint, T>())
                : AdvSimd.Arm64.IsSupported ? (AdvSimd.Arm64.ZipLow(a.AsUInt32(), b.AsUInt32()).As<uint, T>(), AdvSimd.Arm64.ZipHigh(a.AsUInt32(), b.AsUInt32()).As<uint, T>())
                : ZipElements(a, b);
        return (Vector128.Create(a.GetLower(), b.GetLower()), Vector128.Create(a.GetUpper(), b.GetUpper()));
    }

    static (Vector128<T> Low, Vector128<T> High) ZipElements<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged
    {
        Vector128<T> low = a, high = a;
        int half = Vector128<T>.Count / 2;
        for (int i = 0; i < half; i++)
        {
            low = low.WithElement(2 * i, a.GetElement(i)).WithElement(2 * i + 1, b.GetElement(i));
            high = high.WithElement(2 * i, a.GetElement(half + i)).WithElement(2 * i + 1, b.GetElement(half + i));
        }
        return (low, high);
    }
}
