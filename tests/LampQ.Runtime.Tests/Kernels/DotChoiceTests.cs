using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime.Tests;

/// <summary>Which kernel is chosen. These tests run in processes with switches, too (<see cref="KernelSwitchTests"/>).</summary>
[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed class DotChoiceTests
{
    // CPUID knows nothing of the runtime's switches, so it and the environment are an oracle of their own.
    [TestMethod]
    public void For_EveryWidth_IsTheFastestKernelOfCpuAndSwitches()
    {
        if (!X86Base.IsSupported)
            Assert.Inconclusive("This test knows x64 only.");
        var features = X86Base.CpuId(7, 0);
        bool avx2 = Bit(features.Ebx, 5) && On("AVX2"), avxVnni = avx2 && Bit(X86Base.CpuId(7, 1).Eax, 4) && On("AVXVNNI");
        bool avx512 = avx2 && Bit(features.Ebx, 16) && Bit(features.Ebx, 17) && Bit(features.Ebx, 28) && Bit(features.Ebx, 30) && Bit(features.Ebx, 31) && On("AVX512");
        bool avx512Vnni = avx512 && Bit(features.Ecx, 11);
        for (int bits = 2; bits <= 8; bits++)
        {
            string expected = avx512Vnni ? "avx512-vnni"
                : avx512 && (bits <= 6 || !avxVnni) ? "avx512-s16"
                : avxVnni ? "avx-vnni"
                : avx2 ? "avx2" : "portable";
            Assert.AreEqual(expected, DotKernel.For(bits).Name, $"{bits} bits; avx512-vnni: {DotKernel.Avx512VnniRefusal ?? "runs"}");
        }
        Assert.AreEqual(DotKernel.For(8), DotKernel.Fastest());
        Assert.AreEqual(avx512Vnni, DotKernel.Avx512VnniRefusal is null);

        static bool Bit(int register, int bit) => (register >> bit & 1) != 0;
        static bool On(string feature) => Environment.GetEnvironmentVariable($"DOTNET_Enable{feature}") != "0";
    }

    [TestMethod]
    public void Named_UnknownName_ThrowsListingTheNamesThatAreValidHere()
    {
        var error = Assert.ThrowsException<KernelChoiceException>(() => DotKernel.Named("avx1024"));
        StringAssert.Contains(error.Message, "LAMPQ_KERNEL=avx1024 names no kernel. Here it can be definition, portable");
    }

    [TestMethod]
    public void Named_KernelOfAnotherCpu_ThrowsListingTheNamesThatAreValidHere()
    {
        string other = X86Base.IsSupported ? "arm-dp" : "avx2";
        var error = Assert.ThrowsException<KernelChoiceException>(() => DotKernel.Named(other));
        StringAssert.Contains(error.Message, $"LAMPQ_KERNEL={other} names a kernel that this CPU or process does not run. Here it can be definition, portable");
        Assert.IsFalse(error.Message[error.Message.IndexOf("can be")..].Contains(other));
    }

    [TestMethod]
    public void LoadSession_WithAnUnknownKernel_SaysSoInOneLine()
    {
        string? before = Environment.GetEnvironmentVariable(DotKernel.Variable);
        try
        {
            Environment.SetEnvironmentVariable(DotKernel.Variable, "abacus");
            var error = Assert.ThrowsException<KernelChoiceException>(() => LampQSession.Load(new LampQ.Testing.TinyVit().Build()));
            StringAssert.StartsWith(error.Message, "LAMPQ_KERNEL=abacus names no kernel. Here it can be definition");
            Assert.IsFalse(error.Message.Contains('\n'));
        }
        finally
        {
            Environment.SetEnvironmentVariable(DotKernel.Variable, before);
        }
    }

    [TestMethod]
    public void For_WithTheVariableSet_IsTheKernelItNames()
    {
        string? before = Environment.GetEnvironmentVariable(DotKernel.Variable);
        try
        {
            Environment.SetEnvironmentVariable(DotKernel.Variable, "portable");
            Assert.AreEqual(DotKernel.Portable, DotKernel.For(4));
            Assert.AreEqual(DotKernel.Portable, DotKernel.Fastest());
        }
        finally
        {
            Environment.SetEnvironmentVariable(DotKernel.Variable, before);
        }
    }
}
