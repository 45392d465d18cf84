namespace LampQ.Runtime;

/// <summary>What becomes of the sums of a tile.</summary>
unsafe interface IEpilogue
{
    /// <summary>Takes <paramref name="rows"/> rows of sums, 64 int32 apart.</summary>
    /// <param name="acc">Row r starts at acc + 64·r.</param>
    /// <param name="rows">1 to 6.</param>
    /// <param name="row">Row of the output that row 0 is.</param>
    /// <param name="channel">Output channel that column 0 is.</param>
    /// <param name="channels">Columns that exist, 1 to 64; the rest of the tile is padding.</param>
    void Store(int* acc, int rows, long row, int channel, int channels);
}
