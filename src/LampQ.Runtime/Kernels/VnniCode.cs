using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace LampQ.Runtime;

/// <summary>
/// Machine code for the 512-bit VNNI dot product (VPDPBUSD zmm), which .NET 10 has no intrinsic for: a tile routine for each number of rows and vectors,
/// and a loop that measures the peak of the instruction.
/// </summary>
/// <remarks>
/// A routine takes a <see cref="DotTile"/>* and uses registers that both x64 conventions let a callee change (rax, rcx, rdx, r8 to r11);
/// xmm6 to xmm15 belong to the caller on Windows and are saved there.
/// </remarks>
static unsafe class VnniCode
{
    const int VectorBytes = 64, VectorChannels = 16, MaxVectors = 4, Unroll = 4, XmmBytes = 16, CodeAlignment = 64;

    /// <summary>Independent sums of the peak loop; 24 hide the latency of the instruction with two a cycle.</summary>
    const int PeakSums = 24, PeakRepeats = 4;

    /// <summary>int8 operations (a multiplication and an addition each) in one round of the peak loop.</summary>
    public const long PeakOperations = PeakSums * PeakRepeats * 64 * 2;

    static readonly AssemblerRegisterZMM[] zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    static readonly AssemblerRegisterXMM[] savedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    static readonly nint entries;
    static readonly nint peak;

    static VnniCode()
    {
        Refusal = Missing();
        if (Refusal is not null)
            return;
        List<byte[]> routines = [ReadExtendedControl(), Peak()];
        for (int rows = 1; rows <= DotKernel.TileRows; rows++)
            for (int vectors = 1; vectors <= MaxVectors; vectors++)
                routines.Add(Tile(rows, vectors));
        byte[] code = Join(routines, out int[] offsets);
        nint address = ExecutableMemory.Place(code, out string? refusal);
        Refusal = refusal ?? MissingState(address);
        if (Refusal is not null)
            return;
        peak = address + offsets[1];
        entries = (nint)NativeMemory.Alloc((nuint)(offsets.Length - 2), (nuint)sizeof(nint));
        for (int i = 2; i < offsets.Length; i++)
            ((nint*)entries)[i - 2] = address + offsets[i];
    }

    /// <summary>Why the code cannot run here, or null where it can.</summary>
    public static string? Refusal { get; }

    /// <summary>Runs the routine for the tile's rows and channels.</summary>
    public static void Run(DotTile* tile)
    {
        nint entry = ((nint*)entries)[(tile->Rows - 1) * MaxVectors + tile->Channels / VectorChannels - 1];
        ((delegate* unmanaged[Cdecl, SuppressGCTransition]<DotTile*, void>)entry)(tile);
    }

    /// <summary>Runs the peak loop: rounds · <see cref="PeakOperations"/> operations on registers alone.</summary>
    public static void RunPeak(long rounds) => ((delegate* unmanaged[Cdecl]<long, void>)peak)(rounds);

    // Avx512F.IsSupported comes first, so that DOTNET_EnableAVX512=0 turns these kernels off with the runtime's own.
    static string? Missing()
    {
        const int ExtendedFeatures = 7, VnniBit = 11, OsxsaveBit = 27;
        if (!Avx512F.IsSupported)
            return "the CPU has no AVX-512, or the runtime does not use it";
        if (X86Base.CpuId(0, 0).Eax < ExtendedFeatures || (X86Base.CpuId(ExtendedFeatures, 0).Ecx >> VnniBit & 1) == 0)
            return "the CPU has no AVX-512 VNNI";
        return (X86Base.CpuId(1, 0).Ecx >> OsxsaveBit & 1) == 0 ? "the system does not save vector registers" : null;
    }

    static string? MissingState(nint readExtendedControl)
    {
        const ulong Vector512State = 0xE6; // SSE, AVX, opmask, upper halves of zmm0-15, zmm16-31
        ulong enabled = ((delegate* unmanaged[Cdecl]<ulong>)readExtendedControl)();
        return (enabled & Vector512State) == Vector512State ? null : "the system does not save 512-bit registers";
    }

    static byte[] ReadExtendedControl()
    {
        var a = new Assembler(64);
        a.xor(ecx, ecx);
        a.xgetbv();
        a.shl(rdx, 32);
        a.or(rax, rdx);
        a.ret();
        return Encode(a);
    }

    static byte[] Peak()
    {
        var a = new Assembler(64);
        a.mov(rax, OperatingSystem.IsWindows() ? rcx : rdi);
        Save(a);
        for (int i = 0; i < zmm.Length; i++)
            a.vpxord(zmm[i], zmm[i], zmm[i]);
        var top = a.CreateLabel();
        a.Label(ref top);
        for (int i = 0; i < PeakSums * PeakRepeats; i++)
            a.vpdpbusd(zmm[i % PeakSums], zmm30, zmm31);
        a.dec(rax);
        a.jne(top);
        Return(a);
        return Encode(a);
    }

    static byte[] Tile(int rows, int vectors)
    {
        var a = new Assembler(64);
        var field = Fields();
        a.mov(r11, OperatingSystem.IsWindows() ? rcx : rdi);
        Save(a);
        a.mov(rax, __[r11 + field.X]);
        a.mov(r8, __[r11 + field.StrideX]);
        a.mov(rdx, __[r11 + field.W]);
        a.mov(rcx, __[r11 + field.Groups]);
        a.mov(r9, __[r11 + field.Init]);
        a.lea(r10, __[r8 + r8 * 2]);
        a.add(r10, rax);
        for (int row = 0; row < rows; row++)
            for (int vector = 0; vector < vectors; vector++)
                a.vmovdqu32(Sum(row, vector), __[r9 + vector * VectorBytes]);

        Label main = a.CreateLabel(), rest = a.CreateLabel(), single = a.CreateLabel(), done = a.CreateLabel();
        a.sub(rcx, Unroll);
        a.jl(rest);
        a.Label(ref main);
        Groups(Unroll);
        a.sub(rcx, Unroll);
        a.jge(main);
        a.Label(ref rest);
        a.add(rcx, Unroll);
        a.je(done);
        a.Label(ref single);
        Groups(1);
        a.dec(rcx);
        a.jne(single);
        a.Label(ref done);

        a.mov(rax, __[r11 + field.Acc]);
        a.mov(r8, __[r11 + field.StrideAcc]);
        for (int row = 0; row < rows; row++)
        {
            for (int vector = 0; vector < vectors; vector++)
                a.vmovdqu32(__[rax + vector * VectorBytes], Sum(row, vector));
            if (row < rows - 1)
                a.add(rax, r8);
        }
        Return(a);
        return Encode(a);

        AssemblerRegisterZMM Sum(int row, int vector) => zmm[row * vectors + vector];

        void Groups(int count)
        {
            int weights = rows * vectors, codes = weights + vectors, spare = zmm.Length - codes;
            for (int group = 0; group < count; group++)
            {
                for (int vector = 0; vector < vectors; vector++)
                    a.vmovdqu32(zmm[weights + vector], __[rdx + (group * vectors + vector) * VectorBytes]);
                for (int row = 0; row < rows; row++)
                {
                    var x = zmm[codes + row % spare];
                    a.vpbroadcastd(x, Row(row, 4 * group));
                    for (int vector = 0; vector < vectors; vector++)
                        a.vpdpbusd(Sum(row, vector), x, zmm[weights + vector]);
                }
            }
            a.add(rax, 4 * count);
            if (rows > 3)
                a.add(r10, 4 * count);
            a.add(rdx, count * vectors * VectorBytes);
        }
    }

    static AssemblerMemoryOperand Row(int row, int offset)
    {
        var start = row < 3 ? rax : r10;
        return (row % 3) switch { 0 => __dword_ptr[start + offset], 1 => __dword_ptr[start + r8 + offset], _ => __dword_ptr[start + r8 * 2 + offset] };
    }

    static void Save(Assembler a)
    {
        if (!OperatingSystem.IsWindows())
            return;
        a.sub(rsp, savedOnWindows.Length * XmmBytes);
        for (int i = 0; i < savedOnWindows.Length; i++)
            a.vmovdqu(__xmmword_ptr[rsp + i * XmmBytes], savedOnWindows[i]);
    }

    static void Return(Assembler a)
    {
        a.vzeroupper();
        if (OperatingSystem.IsWindows())
        {
            for (int i = 0; i < savedOnWindows.Length; i++)
                a.vmovdqu(savedOnWindows[i], __xmmword_ptr[rsp + i * XmmBytes]);
            a.add(rsp, savedOnWindows.Length * XmmBytes);
        }
        a.ret();
    }

    static byte[] Encode(Assembler a)
    {
        using var code = new MemoryStream();
        a.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    static byte[] Join(List<byte[]> routines, out int[] offsets)
    {
        offsets = new int[routines.Count];
        int length = 0;
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = length;
            length = (length + routines[i].Length + CodeAlignment - 1) / CodeAlignment * CodeAlignment;
        }
        var code = new byte[length];
        for (int i = 0; i < offsets.Length; i++)
            routines[i].CopyTo(code, offsets[i]);
        return code;
    }

    // Marshal.OffsetOf would need metadata that ahead-of-time compilation drops.
    static (int X, int StrideX, int W, int Groups, int Init, int Acc, int StrideAcc) Fields()
    {
        DotTile tile;
        byte* start = (byte*)&tile;
        return (At(&tile.X), At(&tile.StrideX), At(&tile.W), At(&tile.Groups), At(&tile.Init), At(&tile.Acc), At(&tile.StrideAcc));

        int At(void* field) => (int)((byte*)field - start);
    }
}
