using LampQ.Testing;

namespace LampQ.Transforms.Tests;

[TestClass]
public class DisposeTests
{
    [TestMethod]
    public void Dispose_WhileCursorsRunOnOtherThreads_EndsThemWithAnException()
    {
        // Larger than the other tests' model, so that runs are under way when the session goes.
        using var work = new Workplace(new TinyVit { DynamicBatch = true, Dim = 64, Heads = 4, Depth = 6 });
        for (int round = 0; round < 5; round++)
        {
            var transformer = work.Scoring(batchSize: 32).Fit(work.Data(1));
            var view = transformer.Transform(work.Data(256));
            using var begun = new CountdownEvent(2);
            var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                begun.Signal();
                while (true)
                    work.Read(view);
            })).ToArray();
            begun.Wait();
            Thread.Sleep(5);

            transformer.Dispose();

            foreach (var reader in readers)
                Assert.ThrowsExactly<ObjectDisposedException>(() => reader.GetAwaiter().GetResult());
        }
    }
}
