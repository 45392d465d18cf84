namespace LampQ.Quantization.Tests;

[TestClass]
public class NumPyTests
{
    // numpy.save of numpy.arange(6).reshape(2, 3) in each type; base64 of the file. NumPy 1.24.
    public static IEnumerable<object[]> Files =>
    [
        ["<f2", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAA8AEAAQgBEAEU="],
        ["<f4", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA="],
        ["<f8", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAAAIQAAAAAAAABBAAAAAAAAAFEA="],
        ["|u1", "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAQIDBAU="],
        ["<i4", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAQAAAAIAAAADAAAABAAAAAUAAAA="],
        ["<i8", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAAQAAAAAAAAABQAAAAAAAAA="],
        ["<f4 Fortran order", "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAABAQAAAgD8AAIBAAAAAQAAAoEA="],
        ["<f4 version 2", "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA="],
        ["<f4 version 3", "k05VTVBZAwB0AAAAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA="],
    ];

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Read_FileOfNumPy_ReturnsItsValuesInCOrder(string kind, string file)
    {
        using var folder = new TestFolder();

        var array = NumPyArray.Read(folder.Write("a.npy", Convert.FromBase64String(file)));

        CollectionAssert.AreEqual(new[] { 2, 3 }, array.Shape.ToArray(), kind);
        CollectionAssert.AreEqual(new float[] { 0, 1, 2, 3, 4, 5 }, array.Values, kind);
    }

    [TestMethod]
    public void Read_FortranOrderOfFourAxes_IsTransposed()
    {
        using var folder = new TestFolder();
        int[] shape = [2, 3, 4, 5];
        var values = Enumerable.Range(0, 120).Select(i => (float)i).ToArray();
        // The value at [a, b, c, d] stands at a + 2·(b + 3·(c + 4·d)) of the file.
        var columnMajor = new float[120];
        for (var i = 0; i < 120; i++) columnMajor[i / 60 + 2 * (i / 20 % 3 + 3 * (i / 5 % 4 + 4 * (i % 5)))] = values[i];
        new NumPyArray(shape, columnMajor).Write(folder["a.npy"]);
        var file = File.ReadAllBytes(folder["a.npy"]);
        var at = file.AsSpan().IndexOf("False"u8);
        "True "u8.CopyTo(file.AsSpan(at));

        var array = NumPyArray.Read(folder.Write("b.npy", file));

        CollectionAssert.AreEqual(values, array.Values);
    }

    [TestMethod]
    public void Write_AnyShape_ReadsBackTheSame()
    {
        using var folder = new TestFolder();
        foreach (var shape in (int[][])[[], [7], [1, 7], [3, 2, 5], [0, 4]])
        {
            var values = Enumerable.Range(0, shape.Aggregate(1, (product, axis) => product * axis)).Select(i => i / 3f).ToArray();

            new NumPyArray(shape, values).Write(folder["a.npy"]);
            var array = NumPyArray.Read(folder["a.npy"]);

            CollectionAssert.AreEqual(shape, array.Shape.ToArray());
            CollectionAssert.AreEqual(values, array.Values);
            Assert.AreEqual(0, (new FileInfo(folder["a.npy"]).Length - 4 * values.Length) % 64);
        }
    }

    [TestMethod]
    [DataRow("<c8")]
    [DataRow(">f4")]
    [DataRow("|b1")]
    [DataRow("<i2")]
    public void Read_OtherType_IsRefusedByName(string type)
    {
        using var folder = new TestFolder();
        new NumPyArray([2], [1, 2]).Write(folder["a.npy"]);
        var file = File.ReadAllBytes(folder["a.npy"]);
        System.Text.Encoding.ASCII.GetBytes(type).CopyTo(file.AsSpan(file.AsSpan().IndexOf("<f4"u8)));

        var error = Assert.ThrowsException<NotSupportedException>(() => NumPyArray.Read(folder.Write("b.npy", file)));

        StringAssert.Contains(error.Message, $"'{type}'");
    }

    [TestMethod]
    public void Read_BrokenFile_SaysWhatIsWrong()
    {
        using var folder = new TestFolder();
        new NumPyArray([4, 5], new float[20]).Write(folder["a.npy"]);
        var file = File.ReadAllBytes(folder["a.npy"]);

        AssertRefused([], "ends after 0 bytes");
        AssertRefused("PK\x03\x04 a zip file"u8.ToArray(), "expected a NumPy .npy file");
        AssertRefused(file[..50], "ends after 50 bytes");
        AssertRefused(file[..^1], "truncated");
        AssertRefused([.. file[..6], 4, .. file[7..]], "version 4");
        AssertRefused(Replace(file, "(4, 5)", "(-4,5)"), "axis of length -4");
        AssertRefused(Replace(file, "'shape'", "'shale'"), "'shape'");
        AssertRefused(Replace(file, "(4, 5), }               ", "(99999999,99999999,99999"), "'shape'");
        AssertRefused(Replace(file, "(4, 5), }                    ", "(2000000000, 2000000000, 4), }"[..29]), "truncated");

        void AssertRefused(byte[] content, string expected) => StringAssert.Contains(
            Assert.ThrowsException<InvalidDataException>(() => NumPyArray.Read(folder.Write("b.npy", content))).Message, expected);

        static byte[] Replace(byte[] file, string found, string replacement)
        {
            var copy = file.ToArray();
            System.Text.Encoding.ASCII.GetBytes(replacement).CopyTo(copy.AsSpan(copy.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(found))));
            return copy;
        }
    }
}
