namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ErrorRatiosTests
{
    [TestMethod]
    [DataRow(2, 82.74)]
    [DataRow(3, 6.59)]
    [DataRow(4, 4.70)]
    [DataRow(5, 4.29)]
    [DataRow(6, 4.13)]
    [DataRow(7, 4.12)]
    [DataRow(8, 4.03)]
    public void Rho_EveryWidth_IsThePapersRatio(int bits, double published)
    {
        // The paper prints relative errors with four digits and ratios with three: they agree to half a per cent.
        Assert.AreEqual(published, ErrorRatios.Rho(bits), .005 * published);
        Assert.AreEqual(ErrorRatios.Relative(bits - 1) / ErrorRatios.Relative(bits), ErrorRatios.Rho(bits), 1e-12);
    }

    [TestMethod]
    public void Relative_OneBit_IsOne() => Assert.AreEqual(1.0, ErrorRatios.Relative(1));
}
