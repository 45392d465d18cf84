using LampQ.Onnx;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ActivationStoreTests
{
    string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("lampq-store-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow(0, DisplayName = "all in the file")]
    [DataRow(1000, DisplayName = "some in memory, some in the file")]
    [DataRow(1 << 20, DisplayName = "all in memory")]
    public void Read_WrittenInAnyOrderByManyThreads_GivesBackEveryBit(int roomInBytes)
    {
        const int batches = 40;
        // Shapes differ, so that no batch has a place one could compute; NaN payloads and −0 must survive.
        Tensor[] written = [.. Enumerable.Range(0, batches).Select(i => Tensor.Of(Enumerable.Range(0, 7 * (i % 5 + 1)).Select(v => BitConverter.Int32BitsToSingle(unchecked((int)0x80000000) + (i << 20) + v)).ToArray(), i % 5 + 1, 7))];
        using var store = new ActivationStore(batches, roomInBytes, folder);
        Parallel.For(0, batches, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => Write(store, batches - 1 - i, written[batches - 1 - i]));

        for (int pass = 0; pass < 2; pass++)
            Parallel.For(0, batches, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            {
                var read = store.Read(i, new ReusedMemory());
                CollectionAssert.AreEqual(written[i].Bytes.ToArray(), read.Bytes.ToArray());
                CollectionAssert.AreEqual(written[i].Shape.ToArray(), read.Shape.ToArray());
            });
    }

    [TestMethod]
    public void Write_MoreThanTheRoom_LeavesNoFileBehindWhateverEndsTheProcess()
    {
        using var store = new ActivationStore(1, 0, folder);
        store.Write(0, [1f, 2f], 2);
        // On Windows the handle deletes the file; elsewhere it has no name even now, so not even a kill can leave it.
        if (!OperatingSystem.IsWindows())
            Assert.IsEmpty(Directory.GetFiles(folder));
        store.Dispose();
        Assert.IsEmpty(Directory.GetFiles(folder));
    }

    [TestMethod]
    public void Write_ToAFolderThatIsNotThere_SaysWhereAndWhatToDo()
    {
        string missing = Path.Combine(folder, "missing");
        using var store = new ActivationStore(1, 0, missing);
        var error = Assert.ThrowsExactly<IOException>(() => store.Write(0, [1f, 2f], 2));
        StringAssert.Contains(error.Message, missing);
        StringAssert.Contains(error.Message, "TMPDIR");
    }

    [TestMethod]
    public void ForEachBatch_OneFails_ThrowsWhatItThrew() =>
        Assert.ThrowsExactly<IOException>(() => ModelPart.ForEachBatch(4, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => { if (i == 2) throw new IOException(); }));

    [TestMethod]
    public void Write_ABatchTwice_OrReadingOneThatIsMissing_Throws()
    {
        using var store = new ActivationStore(2);
        store.Write(0, [1f], 1);
        Assert.ThrowsExactly<InvalidOperationException>(() => store.Write(0, [1f], 1));
        Assert.ThrowsExactly<InvalidOperationException>(() => store.Read(1, new ReusedMemory()));
    }

    [TestMethod]
    [DataRow(0, DisplayName = "in the file")]
    [DataRow(1 << 20, DisplayName = "in memory")]
    public void Clear_ThenWrittenAgain_HoldsWhatIsNew(int roomInBytes)
    {
        using var store = new ActivationStore(2, roomInBytes, folder);
        store.Write(0, [1f, 2f], 2);
        store.Clear();
        Assert.ThrowsExactly<InvalidOperationException>(() => store.Read(0, new ReusedMemory()));
        store.Write(1, [3f], 1);
        store.Write(0, [4f, 5f, 6f], 3);
        CollectionAssert.AreEqual(new[] { 4f, 5f, 6f }, store.Read(0, new ReusedMemory()).ToFloats());
        CollectionAssert.AreEqual(new[] { 3f }, store.Read(1, new ReusedMemory()).ToFloats());
    }

    static void Write(ActivationStore store, int batch, Tensor tensor) => store.Write(batch, tensor.As<float>(), [.. tensor.Shape]);
}
