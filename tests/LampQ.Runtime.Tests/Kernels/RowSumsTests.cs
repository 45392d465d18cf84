namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed unsafe class RowSumsTests
{
    [TestMethod]
    [DataRow(1), DataRow(15), DataRow(16), DataRow(17), DataRow(31), DataRow(32), DataRow(33), DataRow(4095), DataRow(4096), DataRow(4097), DataRow(20_000)]
    public void Compute_AnyLength_SumsRowsWithoutOverflow(int columns)
    {
        const int Rows = 3, Gap = 5;
        using GuardedMemory x = new(Rows * (columns + Gap) - Gap), sums = new(Rows * sizeof(int));
        var random = new Random(columns);
        var expected = new int[Rows];
        for (int row = 0; row < Rows; row++)
            for (int k = 0; k < columns; k++)
            {
                // The last row holds the largest codes, where 16-bit sums would overflow first.
                byte code = row == Rows - 1 ? (byte)255 : (byte)random.Next(256);
                x.Pointer[row * (columns + Gap) + k] = code;
                expected[row] += code;
            }
        RowSums.Compute(x.Pointer, columns + Gap, Rows, columns, Workers.Serial, (int*)sums.Pointer);
        CollectionAssert.AreEqual(expected, new Span<int>(sums.Pointer, Rows).ToArray());
    }
}
