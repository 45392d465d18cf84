using System.Numerics;
using System.Runtime.CompilerServices;
using LampQ.Onnx;

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

    /// <summary>Called before the sums of a tile are computed: fetches what <see cref="Store"/> will read and write, so that it does not wait for it.</summary>
    void Ahead(int rows, long row, int channel);
}

/// <summary>The operands of an integer product y = x·Wᵀ.</summary>
unsafe struct LinearProduct()
{
    /// <summary>Codes, M rows of K bytes.</summary>
    public byte* X;

    /// <summary>Bytes from one row of x to the next, at least K.</summary>
    public nint StrideX;

    /// <summary>Rows of x.</summary>
    public long M;

    /// <summary>Output channels.</summary>
    public int N;

    /// <summary>Input channels.</summary>
    public int K;

    /// <summary>W, packed (docs/formats.md).</summary>
    public byte* Weights;

    /// <summary>Bits of a weight, 2 to 8.</summary>
    public int Bits;

    /// <summary>The largest code x can hold, 1 to 255 (the default); smaller is faster on CPUs without a 4-way dot product.</summary>
    public int LargestX = 255;

    /// <summary>N values that the sums start from, zx·(K·zw − Σ_k w), or null for 0.</summary>
    public int* Init;

    /// <summary>N zero points of the weights, or null for 0: zw·Σ_k x is taken from each sum before the epilogue sees it.</summary>
    public int* WeightZeroPoints;
}

/// <summary>
/// Shares a product over workers: a task is a panel of 64 output channels and a run of rows; it unpacks its panel once and goes through its rows in tiles of 6.
/// The epilogue gets init[n] + Σ_k x[m, k]·w[n, k] − zw[n]·Σ_k x[m, k], which is Σ_k (x − zx)(w − zw).
/// </summary>
static unsafe class LinearTraversal
{
    const int TileBytes = DotKernel.TileRows * PackedWeights.PanelChannels * sizeof(int), InitBytes = PackedWeights.PanelChannels * sizeof(int);

    // Longer runs gain nothing: unpacking a panel costs less than one tile of 6 rows.
    const int MostTilesOfATask = 100;

    /// <summary>Computes the product; every element reaches the epilogue once. Tasks run at the same time, on copies of <paramref name="epilogue"/>'s value.</summary>
    public static void Run<TEpilogue>(DotKernel kernel, in LinearProduct product, Workers workers, TEpilogue epilogue) where TEpilogue : struct, IEpilogue
    {
        if (product.M == 0)
            return;
        using var sums = Scratch.Rent(product.WeightZeroPoints is null ? 0 : product.M * sizeof(int));
        if (product.WeightZeroPoints is not null)
            RowSums.Compute(product.X, product.StrideX, product.M, product.K, workers, (int*)sums.Pointer);
        int panels = PackedWeights.Panels(product.N);
        long tiles = (product.M + DotKernel.TileRows - 1) / DotKernel.TileRows;
        int runs = Runs(panels, tiles, workers.Count);
        var work = new Work<TEpilogue>
        {
            Kernel = kernel,
            Product = product,
            Epilogue = epilogue,
            RowSums = (int*)sums.Pointer,
            Panels = panels,
            Tiles = tiles,
            Runs = runs,
        };
        workers.For(checked(panels * runs), ref work);
    }

    /// <summary>Runs of rows for each panel: the number that finishes first when every worker takes the next task as it becomes free.</summary>
    internal static int Runs(int panels, long tiles, int workers)
    {
        int fewest = (int)((tiles + MostTilesOfATask - 1) / MostTilesOfATask), best = fewest;
        long bestCost = long.MaxValue;
        for (int runs = fewest; runs <= Math.Min(tiles, fewest + workers); runs++)
        {
            // A task costs its tiles, and about one more for starting and unpacking.
            long rounds = ((long)panels * runs + workers - 1) / workers, cost = rounds * ((tiles + runs - 1) / runs + 1);
            if (cost < bestCost)
                (best, bestCost) = (runs, cost);
        }
        return best;
    }

    struct Work<TEpilogue> : IWork where TEpilogue : struct, IEpilogue
    {
        public DotKernel Kernel;
        public LinearProduct Product;
        public TEpilogue Epilogue;
        public int* RowSums;
        public int Panels, Runs;
        public long Tiles;

        readonly PanelAhead NextPanel(int panel, long tiles)
        {
            if (panel + 1 == Panels)
                return default;
            nint bytes = PackedWeights.PanelBytes(PackedWeights.ChannelsOf(panel + 1, Product.N), Product.K, Product.Bits);
            byte* next = Product.Weights + PackedWeights.PanelOffset(panel + 1, Product.K, Product.Bits);
            return new PanelAhead(next, next + bytes, (nint)(bytes / Math.Max(1, tiles)) + 1);
        }

        // Tasks of one run of rows are neighbours, so that its codes stay in the cache from panel to panel.
        public void Do(int task)
        {
            int panel = task % Panels, run = task / Panels;
            int channels = PackedWeights.ChannelsOf(panel, Product.N), stored = PackedWeights.Groups(Product.K, Product.Bits);
            int groups = (Product.K + PackedWeights.GroupSize - 1) / PackedWeights.GroupSize, first = panel * PackedWeights.PanelChannels;
            int exist = Math.Min(channels, Product.N - first);
            nint unpackedBytes = Product.Bits == 8 ? 0 : (nint)channels * PackedWeights.GroupSize * stored, copyStride = (nint)groups * PackedWeights.GroupSize;
            using var scratch = Scratch.Rent(TileBytes + 2 * InitBytes + unpackedBytes + DotKernel.TileRows * copyStride);
            var acc = (int*)scratch.Pointer;
            var init = (int*)(scratch.Pointer + TileBytes);
            var zeroPoints = (int*)(scratch.Pointer + TileBytes + InitBytes);
            var unpacked = (sbyte*)zeroPoints + InitBytes;
            byte* copy = (byte*)unpacked + unpackedBytes;

            var panelBytes = Product.Weights + PackedWeights.PanelOffset(panel, Product.K, Product.Bits);
            if (Product.Bits < 8)
                WeightUnpacker.Unpack(panelBytes, channels, stored, Product.Bits, unpacked);
            CopyPanel(Product.Init, first, exist, channels, init);
            CopyPanel(Product.WeightZeroPoints, first, exist, channels, zeroPoints);
            var tile = new DotTile
            {
                W = Product.Bits < 8 ? unpacked : (sbyte*)panelBytes,
                Groups = groups,
                Acc = acc,
                StrideAcc = PackedWeights.PanelChannels * sizeof(int),
                Init = init,
                Channels = channels,
                LargestX = Product.LargestX,
                LargestW = WeightUnpacker.LargestWeight(Product.Bits),
            };
            long end = Math.Min(Product.M, Tiles * (run + 1) / Runs * DotKernel.TileRows), tiles = Tiles * (run + 1) / Runs - Tiles * run / Runs;
            var ahead = NextPanel(panel, tiles);
            for (long row = Tiles * run / Runs * DotKernel.TileRows; row < end; row += DotKernel.TileRows)
            {
                ahead.Fetch();
                tile.Rows = (int)Math.Min(DotKernel.TileRows, end - row);
                tile.X = Product.X + (nint)row * Product.StrideX;
                tile.StrideX = Product.StrideX;
                // The last group of a row reads into the next rows, where it meets weights of 0; where x ends before the group does, there is nothing to read.
                if ((nint)(row + tile.Rows - 1) * Product.StrideX + copyStride > (nint)(Product.M - 1) * Product.StrideX + Product.K)
                {
                    CopyRows(tile.X, Product.StrideX, tile.Rows, Product.K, copy, copyStride);
                    tile.X = copy;
                    tile.StrideX = copyStride;
                }
                Epilogue.Ahead(tile.Rows, row, first);
                // Sums that nothing is done to go where they belong at once. The type is known when the code is made; the question costs nothing.
                if (typeof(TEpilogue) == typeof(StoreSums) && exist == channels && Product.WeightZeroPoints is null)
                {
                    Unsafe.As<TEpilogue, StoreSums>(ref Epilogue).Place(&tile, row, first);
                    Kernel.Run(&tile);
                    continue;
                }
                Kernel.Run(&tile);
                if (Product.WeightZeroPoints is not null)
                    SubtractZeroPoints(acc, RowSums + row, tile.Rows, zeroPoints, channels);
                Epilogue.Store(acc, tile.Rows, row, first, exist);
            }
        }
    }

    static void CopyRows(byte* x, nint stride, int rows, int columns, byte* copy, nint copyStride)
    {
        for (int row = 0; row < rows; row++)
        {
            new Span<byte>(copy + row * copyStride, (int)copyStride)[columns..].Clear();
            Unsafe.CopyBlockUnaligned(copy + row * copyStride, x + row * stride, (uint)columns);
        }
    }

    /// <summary>What a vector has for the channels of a panel, zeros beyond them and where there is no vector.</summary>
    static void CopyPanel(int* vector, int first, int exist, int channels, int* panel)
    {
        new Span<int>(panel, channels).Clear();
        if (vector is not null)
            new Span<int>(vector + first, exist).CopyTo(new Span<int>(panel, channels));
    }

    static void SubtractZeroPoints(int* acc, int* rowSums, int rows, int* zeroPoints, int channels)
    {
        for (int row = 0; row < rows; row++)
        {
            var sum = new Vector<int>(rowSums[row]);
            int* line = acc + row * PackedWeights.PanelChannels;
            // Channels of a panel are stored by sixteens, which every vector divides.
            for (int channel = 0; channel < channels; channel += Vector<int>.Count)
                Unsafe.WriteUnaligned(line + channel, Unsafe.ReadUnaligned<Vector<int>>(line + channel) - sum * Unsafe.ReadUnaligned<Vector<int>>(zeroPoints + channel));
        }
    }
}
