using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary>How tests find the checkout and the data beside it. (LampQ.Testing is a library and has no tests of its own.)</summary>
[TestClass]
public sealed class SharedDataTests
{
    string folder = "";

    [TestInitialize]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("lampq-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void Root_RunningTests_HoldsTheirProject() =>
        Assert.IsTrue(File.Exists(Path.Combine(Repository.Root, "tests", "LampQ.Cli.Tests", "LampQ.Cli.Tests.csproj")));

    [TestMethod]
    public void RootAbove_TwoNestedCheckouts_TakesTheNearest()
    {
        string inner = Directory.CreateDirectory(Path.Combine(folder, "a", "b")).FullName;
        string below = Directory.CreateDirectory(Path.Combine(inner, "bin", "Release")).FullName;
        File.WriteAllText(Path.Combine(folder, "LampQ.MLNet.sln"), "");
        File.WriteAllText(Path.Combine(inner, "LampQ.MLNet.sln"), "");

        Assert.AreEqual(inner, Repository.RootAbove(below));
    }

    [TestMethod]
    public void RootAbove_NoCheckout_ThrowsNamingWhereItLooked()
    {
        var error = Assert.ThrowsException<DirectoryNotFoundException>(() => Repository.RootAbove(folder));

        StringAssert.Contains(error.Message, folder);
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("")]
    public void RootFor_VariableNotSet_IsSharedDataBesideTheCheckout(string? variable)
    {
        string checkout = Path.Combine(folder, "checkout");

        Assert.AreEqual(Path.Combine(folder, "shared", "data"), SharedData.RootFor(variable, checkout));
    }

    [TestMethod]
    public void RootFor_VariableSet_IsThatFolder() =>
        Assert.AreEqual(folder, SharedData.RootFor(folder, "anywhere"));

    [TestMethod]
    public void Require_FileThere_IsItsFullPath()
    {
        string file = Path.Combine(folder, "models", "a.onnx");
        Directory.CreateDirectory(Path.Combine(folder, "models"));
        File.WriteAllText(file, "");

        Assert.AreEqual(file, SharedData.Require(folder, "models/a.onnx"));
    }

    [TestMethod]
    public void Require_FileAbsent_SkipsNamingItAndTheVariable()
    {
        var skipped = Assert.ThrowsException<AssertInconclusiveException>(() => SharedData.Require(folder, "models/a.onnx"));

        StringAssert.Contains(skipped.Message, "models/a.onnx");
        StringAssert.Contains(skipped.Message, "LAMPQ_DATA");
    }
}
