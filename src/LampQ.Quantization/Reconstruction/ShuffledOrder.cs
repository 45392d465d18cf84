namespace LampQ.Quantization;

/// <summary>Numbers from 0 on, each once before any comes again.</summary>
/// <param name="count">How many numbers there are.</param>
/// <param name="random">Shuffles them.</param>
sealed class ShuffledOrder(int count, Random random)
{
    readonly Queue<int> rest = new();

    /// <summary>The next number.</summary>
    public int Next()
    {
        if (rest.Count == 0)
        {
            int[] next = [.. Enumerable.Range(0, count)];
            random.Shuffle(next);
            foreach (int number in next)
                rest.Enqueue(number);
        }
        return rest.Dequeue();
    }
}
