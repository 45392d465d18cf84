namespace LampQ.Solver;

/// <summary>Which states stay when a list is too long: those with the lowest bounds.</summary>
static class BestOf
{
    /// <summary>Marks <paramref name="width"/> states of lowest rank.</summary>
    /// <param name="rank">One number for every state; lower is better. More than <paramref name="width"/> of them.</param>
    /// <param name="width">How many states stay, at least 1.</param>
    /// <remarks>
    /// Of equal ranks at the edge a random sample stays, the same each time (Knuth's algorithm S, fixed seed). When damage is proportional
    /// to size all ranks are equal: the first ones would all be small, every seventh would be the same choice of seven, and nothing would fill the budget.
    /// </remarks>
    public static bool[] Select(double[] rank, int width)
    {
        var sorted = (double[])rank.Clone();
        Array.Sort(sorted);
        double edge = sorted[width - 1];
        int room = width - rank.Count(r => r < edge), equal = rank.Count(r => r == edge);
        var random = new Random(1);
        var stays = new bool[rank.Length];
        for (int s = 0; s < rank.Length; s++)
        {
            stays[s] = rank[s] < edge;
            if (rank[s] == edge && random.Next(equal--) < room)
            {
                stays[s] = true;
                room--;
            }
        }
        return stays;
    }
}
