namespace LampQ.Onnx.Tests;

[TestClass]
public class SymbolicDimensionTests
{
    static readonly Dimension n = "n", m = "m";

    [TestMethod]
    public void Multiply_NamesInAnyOrder_GiveTheSameName()
    {
        Assert.AreEqual("12*m*n", SymbolicDimension.Multiply(SymbolicDimension.Multiply(n, 3), SymbolicDimension.Multiply(4, m)).ToString());
        Assert.AreEqual(SymbolicDimension.Multiply(n, m), SymbolicDimension.Multiply(m, n));
        Assert.AreEqual((Dimension)0, SymbolicDimension.Multiply(n, 0));
        Assert.AreEqual(Dimension.Unknown, SymbolicDimension.Multiply(Dimension.Unknown, 2));
    }

    [TestMethod]
    public void Exact_ProductOverAFactor_GivesTheOtherFactor()
    {
        var product = SymbolicDimension.Product([n, 197, 192]);

        Assert.AreEqual((Dimension)192, SymbolicDimension.Exact(product, SymbolicDimension.Multiply(n, 197)));
        Assert.AreEqual(n, SymbolicDimension.Exact(product, 197 * 192));
        Assert.IsNull(SymbolicDimension.Exact(product, 5));
        Assert.IsNull(SymbolicDimension.Exact(product, m));
    }

    [TestMethod]
    public void Add_ConstantsOneAfterAnother_MeltIntoOne()
    {
        Assert.AreEqual("(n+3)", SymbolicDimension.Add(SymbolicDimension.Add(n, 1), 2).ToString());
        Assert.AreEqual(n, SymbolicDimension.Add(SymbolicDimension.Add(n, 1), -1));
        Assert.AreEqual("2*n", SymbolicDimension.Add(n, n).ToString());
        Assert.AreEqual(SymbolicDimension.Add(n, m), SymbolicDimension.Add(m, n));
        Assert.AreEqual("((m+n)+1)", SymbolicDimension.Add(SymbolicDimension.Add(n, m), 1).ToString());
    }

    [TestMethod]
    public void Subtract_Itself_IsZero()
    {
        Assert.AreEqual((Dimension)0, SymbolicDimension.Subtract(n, n));
        Assert.AreEqual(Dimension.Unknown, SymbolicDimension.Subtract(Dimension.Unknown, Dimension.Unknown));
    }

    [TestMethod]
    [DataRow(7L, 2L, 3L)]
    [DataRow(-7L, 2L, -4L)]
    [DataRow(-8L, 2L, -4L)]
    public void Divide_Sizes_RoundsDown(long a, long b, long quotient) => Assert.AreEqual((Dimension)quotient, SymbolicDimension.Divide(a, b));

    [TestMethod]
    public void Divide_NameThatIsNoMultiple_StaysAName() => Assert.AreEqual("(n/16)", SymbolicDimension.Divide(n, 16).ToString());
}
