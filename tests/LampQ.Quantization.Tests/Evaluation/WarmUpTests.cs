namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class WarmUpTests
{
    [TestMethod]
    public void IsOver_NothingIsCompiled_AfterTheQuietTimeAndNotBefore()
    {
        var clock = new Clock();
        var warmUp = new WarmUp(clock, () => 7, TimeSpan.FromSeconds(1));

        clock.Advance(249);
        for (int round = 0; round < 100; round++)
            Assert.IsFalse(warmUp.IsOver());
        clock.Advance(1);
        Assert.IsTrue(warmUp.IsOver());
    }

    [TestMethod]
    public void IsOver_CompilationGoesOn_WaitsForItsEnd()
    {
        var clock = new Clock();
        long compiled = 0;
        var warmUp = new WarmUp(clock, () => compiled, TimeSpan.FromSeconds(10));

        for (int stage = 0; stage < 5; stage++)
        {
            clock.Advance(240);
            compiled++;
            Assert.IsFalse(warmUp.IsOver(), $"stage {stage}");
        }
        clock.Advance(249);
        Assert.IsFalse(warmUp.IsOver());
        clock.Advance(1);
        Assert.IsTrue(warmUp.IsOver());
    }

    [TestMethod]
    public void IsOver_CompilationNeverEnds_EndsAtTheLongestTime()
    {
        var clock = new Clock();
        long compiled = 0;
        var warmUp = new WarmUp(clock, () => ++compiled, TimeSpan.FromSeconds(1));
        int rounds = 1;

        for (; !warmUp.IsOver(); rounds++)
            clock.Advance(100);

        Assert.AreEqual(11, rounds);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(5000)]
    public void IsOver_FirstRound_IsNeverEnough(int milliseconds)
    {
        var clock = new Clock();
        var warmUp = new WarmUp(clock, () => 0, TimeSpan.Zero);

        clock.Advance(milliseconds);

        Assert.IsFalse(warmUp.IsOver());
        Assert.IsTrue(warmUp.IsOver());
    }

    sealed class Clock : TimeProvider
    {
        long ticks = 1;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => ticks;

        internal void Advance(int milliseconds) => ticks += milliseconds;
    }
}
