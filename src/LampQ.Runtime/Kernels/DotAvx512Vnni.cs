namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>The 4-way dot product of AVX-512 VNNI on 512 bits, as machine code made at run time.</summary>
    public static DotKernel Avx512Vnni { get; } = new Avx512VnniKernel();

    /// <summary>Why <see cref="Avx512Vnni"/> does not run here, or null where it does.</summary>
    public static string? Avx512VnniRefusal => VnniCode.Refusal;

    sealed class Avx512VnniKernel : DotKernel
    {
        public override string Name => "avx512-vnni";

        public override bool IsSupported => VnniCode.Refusal is null;

        public override void Run(DotTile* tile) => VnniCode.Run(tile);
    }
}
