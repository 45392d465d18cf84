namespace LampQ.Transforms.Tests;

[TestClass]
public class StateTextTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(14)]
    [DataRow(15)]
    [DataRow(16)]
    [DataRow(30)]
    [DataRow(40_001)]
    public void Decode_OfEncodedBytes_GivesThemBack(int length)
    {
        byte[] bytes = new byte[length];
        new Random(3).NextBytes(bytes);

        string text = StateText.Encode(bytes);

        CollectionAssert.AreEqual(bytes, StateText.Decode(text));
        Assert.IsFalse(text.Any(char.IsSurrogate));
        Assert.AreEqual(2 + (length * 8 + 14) / 15, text.Length);
    }

    [TestMethod]
    public void Decode_TextThatIsCutOrForeign_IsRefused()
    {
        string text = StateText.Encode(new byte[100]);

        Assert.ThrowsExactly<InvalidDataException>(() => StateText.Decode(text.AsSpan(0, text.Length - 1)));
        Assert.ThrowsExactly<InvalidDataException>(() => StateText.Decode(""));
        Assert.ThrowsExactly<InvalidDataException>(() => StateText.Decode("\t\t" + text[2..]));
    }
}
