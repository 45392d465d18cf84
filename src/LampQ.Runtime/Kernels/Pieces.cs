namespace LampQ.Runtime;

/// <summary>How rows are cut into tasks.</summary>
static class Pieces
{
    /// <summary>Tasks a thread should have, so that one that is late does not keep the others waiting for long.</summary>
    const int TasksPerThread = 4;

    /// <summary>Rows of a task: all for one thread, else a few tasks a thread with at least <paramref name="fewest"/> rows each.</summary>
    public static long Size(long rows, long fewest, Workers workers) =>
        Math.Max(Count(rows, int.MaxValue), workers.Count == 1 ? rows : Math.Max(fewest, (rows + workers.Count * TasksPerThread - 1) / (workers.Count * TasksPerThread)));

    /// <summary>Tasks that <paramref name="rows"/> rows are, <paramref name="size"/> each.</summary>
    public static int Count(long rows, long size) => rows == 0 ? 0 : (int)((rows + size - 1) / size);
}
