using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx.Tests;

[TestClass]
public class RoundTripTests
{
    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.VitMnist)]
    [DataRow(SharedModels.Plates)]
    [DataRow(SharedModels.Detector)]
    public void Read_WrittenRealModel_HasTheSameNodesAttributesAndWeights(string file)
    {
        var before = SharedModels.Read(file);
        var after = Model.Read(before.ToBytes());

        Assert.AreEqual(Describe(before), Describe(after));
        foreach (var weight in before.Graph.Initializers)
            Assert.IsTrue(weight.Initializer!.Bytes.Span.SequenceEqual(after.Graph.Find(weight.Name)!.Initializer!.Bytes.Span), weight.Name);
    }

    [TestMethod]
    public void Write_ModelWithUnknownFields_KeepsThemEverywhere()
    {
        var proto = Proto();
        // Field 1000, a varint: no version of ONNX has it.
        byte[] unknown = [0xC0, 0x3E, 42];
        proto.MergeFrom(unknown);
        proto.Graph.MergeFrom(unknown);
        proto.Graph.Node[0].MergeFrom(unknown);
        proto.Graph.Node[0].Attribute[0].MergeFrom(unknown);
        proto.Graph.Input[0].MergeFrom(unknown);
        proto.Graph.Initializer[0].MergeFrom(unknown);
        proto.Graph.Initializer[0].DocString = "a weight";

        var written = ModelProto.Parser.ParseFrom(Model.Read(proto.ToByteArray()).ToBytes());

        foreach (IMessage message in (IMessage[])[written, written.Graph, written.Graph.Node[0], written.Graph.Node[0].Attribute[0], written.Graph.Input[0], written.Graph.Initializer[0]])
            Assert.AreNotEqual(-1, message.ToByteArray().AsSpan().IndexOf(unknown), message.Descriptor.Name);
        Assert.AreEqual(proto, written);
    }

    [TestMethod]
    public void Read_TypedListsInsteadOfRawData_GivesTheSameTensors()
    {
        var half = new TensorProto { DataType = (int)ElementType.Float16, Dims = { 2 }, Int32Data = { 0x3C00, 0xC000 } };
        var int4 = new TensorProto { DataType = (int)ElementType.Int4, Dims = { 3 }, Int32Data = { 0x2F, 0x08 } };
        var bytes = new TensorProto { DataType = (int)ElementType.Int8, Dims = { 2 }, Int32Data = { -1, 127 } };
        var floats = new TensorProto { DataType = (int)ElementType.Float, Dims = { 2 }, FloatData = { 1.5f, -2 } };
        var longs = new TensorProto { DataType = (int)ElementType.Int64, Dims = { 2 }, Int64Data = { 1, long.MinValue } };
        var unsigned = new TensorProto { DataType = (int)ElementType.UInt32, Dims = { 1 }, Uint64Data = { uint.MaxValue } };

        CollectionAssert.AreEqual(new[] { 1f, -2 }, Read(half).ToFloats());
        CollectionAssert.AreEqual(new[] { -1L, 2, -8 }, Read(int4).ToIntegers());
        CollectionAssert.AreEqual(new[] { -1L, 127 }, Read(bytes).ToIntegers());
        CollectionAssert.AreEqual(new[] { 1.5f, -2 }, Read(floats).ToFloats());
        CollectionAssert.AreEqual(new[] { 1L, long.MinValue }, Read(longs).ToIntegers());
        CollectionAssert.AreEqual(new[] { (long)uint.MaxValue }, Read(unsigned).ToIntegers());
    }

    [TestMethod]
    public void Read_ExternalDataBesideTheModel_ReadsItsSliceAndWritesItInside()
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            var proto = Proto();
            byte[] weight = proto.Graph.Initializer[0].RawData.ToByteArray();
            MakeExternal(proto.Graph.Initializer[0], "weights.bin", 8, weight.Length);
            File.WriteAllBytes(Path.Combine(folder, "weights.bin"), [.. new byte[8], .. weight, 1, 2, 3]);
            File.WriteAllBytes(Path.Combine(folder, "model.onnx"), proto.ToByteArray());

            var model = Model.Read(Path.Combine(folder, "model.onnx"));

            CollectionAssert.AreEqual(weight, model.Graph.Find("w")!.Initializer!.Bytes.ToArray());
            CollectionAssert.AreEqual(weight, Model.Read(model.ToBytes()).Graph.Find("w")!.Initializer!.Bytes.ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("../weights.bin", "does not lie in the model's folder")]
    [DataRow("/weights.bin", "does not lie in the model's folder")]
    [DataRow("", "does not lie in the model's folder")]
    [DataRow("short.bin", "which has 4")]
    public void Read_ExternalDataOutsideTheFolderOrTooShort_IsRefused(string location, string part)
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            var proto = Proto();
            MakeExternal(proto.Graph.Initializer[0], location, 0, 48);
            File.WriteAllBytes(Path.Combine(folder, "short.bin"), new byte[4]);
            string path = Path.Combine(folder, "model.onnx");
            File.WriteAllBytes(path, proto.ToByteArray());

            StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(() => Model.Read(path)).Message, part);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Read_TensorOfMoreElementsThanFitALong_IsRefused()
    {
        var proto = Proto();
        proto.Graph.Initializer[0].Dims.Clear();
        proto.Graph.Initializer[0].Dims.AddRange([1L << 40, 1L << 40]);

        StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(() => Model.Read(proto.ToByteArray())).Message, "1099511627776,1099511627776");
        Assert.IsTrue(ModelChecker.Check(proto.ToByteArray()).Count > 0);
    }

    [TestMethod]
    [DataRow(1L, long.MaxValue), DataRow(long.MaxValue, 1L), DataRow(5L, 0L), DataRow(long.MaxValue, long.MaxValue)]
    public void Read_ExternalDataWhoseEndOverflows_IsRefused(long offset, long length)
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            var proto = Proto();
            MakeExternal(proto.Graph.Initializer[0], "short.bin", offset, length);
            File.WriteAllBytes(Path.Combine(folder, "short.bin"), new byte[4]);
            string path = Path.Combine(folder, "model.onnx");
            File.WriteAllBytes(path, proto.ToByteArray());

            StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(() => Model.Read(path)).Message, "which has 4");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Read_ExternalDataOverTwoGigabytes_IsRefused()
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            var proto = Proto();
            MakeExternal(proto.Graph.Initializer[0], "large.bin", 0, 48);
            // Sparse: it takes no space on disk.
            using (var file = File.Create(Path.Combine(folder, "large.bin")))
                file.SetLength(3L << 30);
            string path = Path.Combine(folder, "model.onnx");
            File.WriteAllBytes(path, proto.ToByteArray());

            StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(() => Model.Read(path)).Message, "large.bin");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Read_ExternalDataThatIsMissing_SaysWhichFile()
    {
        string folder = Directory.CreateTempSubdirectory("lampq").FullName;
        try
        {
            var proto = Proto();
            MakeExternal(proto.Graph.Initializer[0], "gone.bin", 0, 48);
            string path = Path.Combine(folder, "model.onnx");
            File.WriteAllBytes(path, proto.ToByteArray());

            StringAssert.Contains(Assert.ThrowsException<FileNotFoundException>(() => Model.Read(path)).Message, "gone.bin");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Read_EmptyBytes_IsRefused() =>
        StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(() => Model.Read(ReadOnlyMemory<byte>.Empty)).Message, "empty");

    [TestMethod]
    public void Read_AnyTruncation_IsRefusedAsInvalidData()
    {
        byte[] good = Proto().ToByteArray();
        for (int length = 0; length < good.Length; length++)
        {
            // Cut between two fields of the outermost message, what is left may still be a whole model without the rest.
            try
            {
                Model.Read(good.AsMemory(0, length));
                Assert.IsTrue(IsWholeMessage(good.AsSpan(0, length)), $"length {length}");
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [TestMethod]
    [DataRow("hello, this is a text file and not a model")]
    [DataRow("<html>")]
    [DataRow("\u0089PNG\r\n")]
    public void Read_OtherFile_IsRefused(string content) =>
        Assert.ThrowsException<InvalidDataException>(() => Model.Read(System.Text.Encoding.Latin1.GetBytes(content)));

    [TestMethod]
    public void Read_MissingFile_SaysItsName() =>
        StringAssert.Contains(Assert.ThrowsException<FileNotFoundException>(() => Model.Read("no-such-model.onnx")).Message, "no-such-model.onnx");

    [TestMethod]
    public void Write_IntoAMissingFolder_ThrowsIOException() =>
        Assert.ThrowsException<DirectoryNotFoundException>(() => Model.Read(Proto().ToByteArray()).Write(Path.Combine(Path.GetTempPath(), "no-such-folder-" + Guid.NewGuid(), "m.onnx")));

    [TestMethod]
    public void Read_ValueUsedButNeverDefined_NamesNodeAndValue()
    {
        var proto = Proto();
        proto.Graph.Node[0].Input[1] = "nowhere";

        var message = Assert.ThrowsException<InvalidDataException>(() => Model.Read(proto.ToByteArray())).Message;

        StringAssert.Contains(message, "'nowhere'");
        StringAssert.Contains(message, "Gemm");
    }

    static ModelProto Proto()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, "batch", 4);
        var w = model.Graph.AddInitializer("w", RandomTensors.Floats(1, 3, 4));
        model.Graph.AddOutput(model.Graph.Emit("Gemm", [x, w], "y", ("transB", 1), ("alpha", 0.5f)));
        ShapeInference.Infer(model);
        return ModelProto.Parser.ParseFrom(model.ToBytes());
    }

    static void MakeExternal(TensorProto tensor, string location, long offset, long length)
    {
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        foreach (var (key, value) in new[] { ("location", location), ("offset", offset.ToString()), ("length", length.ToString()) })
            tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    static bool IsWholeMessage(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return ModelProto.Parser.ParseFrom(bytes) is { Graph: not null, OpsetImport.Count: > 0 };
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    static Tensor Read(TensorProto tensor) => TensorProtos.Read(tensor, _ => throw new AssertFailedException("Nothing is external here."));

    static string Describe(Model model) => string.Join("\n", model.Graph.Nodes.Select(n =>
        $"{n} [{string.Join(",", n.Inputs.Select(i => i?.Name))}] -> [{string.Join(",", n.Outputs.Select(o => o?.ToString()))}] "
        + string.Join(" ", n.Attributes.OrderBy(a => a.Name).Select(a => $"{a.Name}={(a.Value is Array list ? string.Join(",", list.Cast<object>()) : a.Value)}"))))
        + $"\n{model.IrVersion} {string.Join(",", model.Opsets)} {string.Join(",", model.Metadata)} {string.Join(",", model.Graph.Inputs)} {string.Join(",", model.Graph.Outputs)}";
}
