namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class CutMixTests
{
    [TestMethod]
    public void Draw_ManyTimes_IsInsideAndOfAnyPlaceAndShare()
    {
        var random = new Random(1);
        var drawn = Enumerable.Range(0, 2000).Select(_ => CutMix.Draw(random, .5, 20, 30)).ToArray();

        Assert.AreEqual(1000, drawn.Count(d => d is not null), 100);
        foreach (var cut in drawn.OfType<CutMix>())
        {
            Assert.IsTrue(cut is { Top: >= 0, Left: >= 0 } && cut.Top + cut.Height <= 20 && cut.Left + cut.Width <= 30);
            Assert.IsTrue(cut.Height * cut.Width is > 600 / 10 - 20 - 30 and <= 600 / 2, $"{cut.Height} × {cut.Width}");
        }
        Assert.AreEqual(0, drawn.OfType<CutMix>().Min(d => d.Top));
        Assert.AreEqual(30, drawn.OfType<CutMix>().Max(d => d.Left + d.Width));
    }

    [TestMethod]
    public void Draw_WhateverTheChance_DrawsAsOften()
    {
        Random some = new(3), none = new(3);
        for (int i = 0; i < 10; i++)
        {
            Assert.IsNotNull(CutMix.Draw(some, 1, 8, 8));
            Assert.IsNull(CutMix.Draw(none, 0, 8, 8));
        }
        Assert.AreEqual(some.Next(), none.Next());
    }

    [TestMethod]
    public void Paste_ARectangle_ReplacesItInAllChannelsAndNothingElse()
    {
        float[] from = [.. Enumerable.Repeat(1f, 2 * 4 * 5)], to = new float[2 * 4 * 5];

        new CutMix(1, 2, 2, 3).Paste(from, to, 4, 5);

        for (int i = 0; i < to.Length; i++)
            Assert.AreEqual(i / 5 % 4 is 1 or 2 && i % 5 >= 2 ? 1 : 0, to[i]);
    }
}
