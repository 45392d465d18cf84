namespace LampQ.Runtime;

/// <summary>One tile of an integer product; the machine-code kernels read this block by offset, so order and sizes are fixed.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential)]
unsafe struct DotTile
{
    /// <summary>Codes, rows of at least 4·<see cref="Groups"/> readable bytes.</summary>
    public byte* X;

    /// <summary>Bytes from one row of x to the next.</summary>
    public nint StrideX;

    /// <summary>A panel of signed codes, <c>[group][channel][4]</c>, 64-byte aligned.</summary>
    public sbyte* W;

    /// <summary>Groups of 4 k, at least 1.</summary>
    public nint Groups;

    /// <summary>Takes rows of <see cref="Channels"/> sums.</summary>
    public int* Acc;

    /// <summary>Bytes from one row of sums to the next.</summary>
    public nint StrideAcc;

    /// <summary>What the sums of each channel start from.</summary>
    public int* Init;

    /// <summary>1 to 6.</summary>
    public int Rows;

    /// <summary>16, 32, 48 or 64.</summary>
    public int Channels;

    /// <summary>The largest code x can hold; kernels that add in 16 bits derive from it and <see cref="LargestW"/> how often they must widen.</summary>
    public int LargestX;

    /// <summary>The largest |w|.</summary>
    public int LargestW;
}

/// <summary>
/// acc[r, c] = init[c] + Σ_k x[r, k]·w[c, k] in int32, for a tile of up to 6 rows and 64 channels. Every kernel returns the same integers.
/// </summary>
abstract unsafe partial class DotKernel
{
    /// <summary>Rows of a full tile.</summary>
    public const int TileRows = 6;

    /// <summary>The plain loops that say what every other kernel computes.</summary>
    public static DotKernel Definition { get; } = new DefinitionKernel();

    /// <summary>Name as <c>LAMPQ_KERNEL</c> takes it.</summary>
    public abstract string Name { get; }

    /// <summary>Whether this CPU and process can run it.</summary>
    public abstract bool IsSupported { get; }

    /// <summary>Computes one tile. Lengths are the caller's promise; nothing is checked here.</summary>
    public abstract void Run(DotTile* tile);

    sealed class DefinitionKernel : DotKernel
    {
        public override string Name => "definition";

        public override bool IsSupported => true;

        public override void Run(DotTile* tile)
        {
            for (int row = 0; row < tile->Rows; row++)
                for (int channel = 0; channel < tile->Channels; channel++)
                {
                    byte* x = tile->X + row * tile->StrideX;
                    int sum = tile->Init[channel];
                    for (int group = 0; group < tile->Groups; group++)
                        for (int i = 0; i < 4; i++)
                            sum += x[group * 4 + i] * tile->W[(group * tile->Channels + channel) * 4 + i];
                    ((int*)((byte*)tile->Acc + row * tile->StrideAcc))[channel] = sum;
                }
        }
    }
}
