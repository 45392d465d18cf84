using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class AllocationTests
{
    [TestMethod]
    public void Cursor_AfterTheFirstBatches_AllocatesUnderOneKilobyteARow()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring(batchSize: 8).Fit(work.Data(1));
        var view = transformer.Transform(work.Data(400));
        using var cursor = view.GetRowCursor([view.Schema["Number"], view.Schema["Score"]]);
        var score = cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]);
        VBuffer<float> value = default;
        void Read(int rows)
        {
            for (int i = 0; i < rows; i++)
            {
                cursor.MoveNext();
                score(ref value);
            }
        }
        Read(80);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Read(320);
        double bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 320.0;

        // Output vectors are written into the caller's buffer: what is left belongs to the runs.
        Assert.IsTrue(bytes < 1024, $"{bytes:F0} bytes a row");
        Console.WriteLine($"{bytes:F0} bytes a row");
    }

    [TestMethod]
    public void Cursor_OfASecondPassOverTheData_TakesOverTheBuffersOfTheFirst()
    {
        // 64 · 3 · 32 · 32 floats a batch are 786 kB, 3 kB a row of each pass if they were allocated anew.
        using var work = new Workplace(new TinyVit { DynamicBatch = true, ImageSize = 32 });
        Large[] rows = [.. Enumerable.Range(0, 256).Select(_ => new Large())];
        var data = work.ML.Data.LoadFromEnumerable(rows);
        using var transformer = work.Scoring(batchSize: 64).Fit(data);
        var view = transformer.Transform(data);
        void Pass()
        {
            using var cursor = view.GetRowCursor([view.Schema["Score"]]);
            var score = cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]);
            VBuffer<float> value = default;
            while (cursor.MoveNext())
                score(ref value);
        }
        Pass();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Pass();
        double bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)rows.Length;

        Assert.IsTrue(bytes < 1024, $"{bytes:F0} bytes a row");
        Console.WriteLine($"{bytes:F0} bytes a row");
    }

    sealed class Large
    {
        [VectorType(3, 32, 32)]
        public float[] Pixels { get; set; } = new float[3 * 32 * 32];
    }
}
