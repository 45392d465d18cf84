using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>
/// <see cref="AttentionOperation"/> on lanes. A task is a head of an image and a run of its queries: it packs K and V into panels once and takes 6 queries at a time
/// through scores, map and context, so that nothing between q and the output leaves the nearest cache.
/// </summary>
/// <remarks>
/// Panels hold signed codes, k − 128 and v − 128. With zk' = zk − 128 (and zv' alike) the zero points come back exactly:
/// Σ(q − zq)(k − zk) = Σ q·(k − 128) + [d·zq·zk' − zq·Σ(k − 128)] − zk'·Σ q, where the bracket belongs to a token and starts its sum, and the rest belongs to a
/// query and leaves the softmax as it is: only a bias makes it count.
/// Σ(a − za)(v − zv) = Σ a·(v − 128) + [T·za·zv' − za·Σ(v − 128)] − zv'·Σ a likewise.
/// </remarks>
unsafe struct AttentionLanes<V> : IWork where V : struct, IFloats<V>
{
    /// <summary>Queries below which packing K and V once more costs too much.</summary>
    const int FewestQueries = 36;

    const int Rows = DotKernel.TileRows;

    readonly AttentionOperation operation;
    readonly AttentionInputs inputs;
    readonly byte* codes;
    readonly float* floats;
    readonly int d, T, panelRows, tokenStride, zk, zv, runs, planes;
    readonly long queriesPerRun;

    AttentionLanes(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, int runs)
    {
        var description = operation.Description;
        (this.operation, this.inputs) = (operation, inputs);
        this.codes = codes;
        this.floats = floats;
        (d, T) = (description.HeadSize, (int)inputs.Tokens);
        panelRows = HeadPanels.Columns(d);
        tokenStride = HeadPanels.Tokens(T);
        (zk, zv) = (description.KZeroPoint - 128, description.VZeroPoint - 128);
        planes = operation.MapPlanes;
        long tiles = (inputs.QueryTokens + Rows - 1) / Rows;
        queriesPerRun = (tiles + runs - 1) / runs * Rows;
        this.runs = (int)((inputs.QueryTokens + queriesPerRun - 1) / queriesPerRun);
    }

    public static void Run(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats, Workers workers)
    {
        long heads = inputs.Batch * operation.Description.Heads;
        var work = new AttentionLanes<V>(operation, inputs, codes, floats, Runs(heads, inputs.QueryTokens, workers));
        workers.For(checked((int)(heads * work.runs)), ref work);
    }

    /// <summary>Runs of queries a head is cut into: the fewest that give every thread the same number of tasks, or so many that it does not matter.</summary>
    static int Runs(long heads, long queries, Workers workers)
    {
        int runs = 1;
        while (heads * runs % workers.Count != 0 && heads * runs < 4 * workers.Count && (runs + 1) * FewestQueries <= queries)
            runs++;
        return runs;
    }

    public void Do(int task)
    {
        int run = task % runs, head = task / runs % operation.Description.Heads;
        long batch = task / runs / operation.Description.Heads;
        var description = operation.Description;
        using var scratch = Scratch.Rent(Cut(null).Bytes);
        var memory = Cut(scratch.Pointer);
        Pack(memory, batch, head);

        float* bias = inputs.BiasOf(batch, head);
        var softmax = new SoftmaxLanes<V>(operation, description.ScoreScaleOf(head), T);
        long end = Math.Min(inputs.QueryTokens, (run + 1) * queriesPerRun);
        float* factors = stackalloc float[Rows];
        int* sums = stackalloc int[Rows * LevelTable.MostPlanes], most = stackalloc int[Rows];
        var softmaxRows = new SoftmaxRows { Scores = memory.Scores, Map = memory.Map, Stride = tokenStride, PlaneStride = Rows * tokenStride, Most = most, Sums = factors };
        for (long query = run * queriesPerRun; query < end; query += Rows)
        {
            int rows = (int)Math.Min(Rows, end - query);
            byte* q = inputs.Q + (batch * inputs.QueryTokens + query) * inputs.QColumns + description.QOffset + (long)head * d;
            Scores(memory, q, rows);
            softmaxRows.Count = rows;
            if (bias == null)
                softmax.Plain(softmaxRows);
            else
            {
                Times(zk, q, (nint)inputs.QColumns, rows, d, sums);
                softmax.Biased(softmaxRows, sums, bias + query * T, memory.BiasTail);
            }
            for (int i = 0; i < rows; i++)
                factors[i] = description.MapOfRows ? operation.OutputScale / factors[i] : operation.OutputScale;
            for (int plane = 0; plane < planes; plane++)
                Times(zv, memory.Map + (long)plane * Rows * tokenStride, tokenStride, rows, T, sums + plane * Rows);
            Context(memory, rows, factors, sums, (batch * inputs.QueryTokens + query) * operation.Columns + head * d);
        }
    }

    /// <summary>What a task works in; from a null pointer it tells how much that is.</summary>
    readonly Memory Cut(byte* start)
    {
        var parts = new ScratchParts(start);
        long panelBytes = (long)panelRows * tokenStride;
        return new Memory
        {
            K = (sbyte*)parts.Take(panelBytes),
            V = (sbyte*)parts.Take(panelBytes),
            InitK = (int*)parts.Take(sizeof(int) * tokenStride),
            InitV = (int*)parts.Take(sizeof(int) * panelRows),
            Scores = (int*)parts.Take(sizeof(int) * Rows * tokenStride),
            Context = (int*)parts.Take(sizeof(int) * Rows * 64 * planes),
            Map = parts.Take((long)Rows * tokenStride * planes),
            Queries = parts.Take(Rows * panelRows),
            Row = parts.Take(Math.Max(tokenStride, panelRows)),
            BiasTail = (float*)parts.Take(sizeof(float) * 64),
            Bytes = parts.Taken,
        };
    }

    struct Memory
    {
        public sbyte* K, V;
        public int* InitK, InitV, Scores, Context;
        public byte* Map, Queries, Row;
        public float* BiasTail;
        public long Bytes;
    }

    readonly void Pack(in Memory memory, long batch, int head)
    {
        var description = operation.Description;
        HeadPanels.PackTokens(inputs.K + batch * T * inputs.KColumns + description.KOffset + (long)head * d, inputs.KColumns, T, d, memory.K);
        HeadPanels.PackColumns(inputs.V + batch * T * inputs.VColumns + description.VOffset + (long)head * d, inputs.VColumns, T, d, memory.V);
        Start(memory.Row, description.QZeroPoint, d, zk, (byte*)memory.K, memory.InitK, HeadPanels.PaddedTokens(T), panelRows);
        // Scores of tokens that do not exist are no maximum.
        new Span<int>(memory.InitK + T, HeadPanels.PaddedTokens(T) - T).Fill(int.MinValue);
        Start(memory.Row, description.MapZeroPoint, T, zv, (byte*)memory.V, memory.InitV, panelRows, tokenStride);
    }

    /// <summary>init[c] = count·z·w0 − z·Σ_k w[c, k]: the panels times a row of z.</summary>
    readonly void Start(byte* row, int z, int count, int w0, byte* panels, int* init, int columns, int panelGroupBytes)
    {
        new Span<int>(init, columns).Clear();
        if (z == 0)
            return;
        int groups = (count + 3) / 4;
        new Span<byte>(row, groups * 4).Fill((byte)z);
        int* zeros = stackalloc int[64], products = stackalloc int[64];
        new Span<int>(zeros, 64).Clear();
        var tile = new DotTile { X = row, Groups = groups, Acc = products, Init = zeros, Rows = 1, LargestX = 255, LargestW = 128 };
        for (int first = 0; first < columns; first += 64)
        {
            tile.Channels = Math.Min(64, columns - first);
            tile.W = (sbyte*)panels + (long)first * panelGroupBytes;
            operation.Dot.Run(&tile);
            for (int i = 0; i < tile.Channels; i++)
                init[first + i] = count * z * w0 - products[i];
        }
    }

    readonly void Scores(in Memory memory, byte* q, int rows)
    {
        var tile = new DotTile
        {
            X = q,
            StrideX = (nint)inputs.QColumns,
            Groups = (d + 3) / 4,
            StrideAcc = sizeof(int) * tokenStride,
            Rows = rows,
            LargestX = 255,
            LargestW = 128,
        };
        if (d % 4 != 0)
        {
            // The last group of a row would read behind the head, and behind the tensor in the last row.
            for (int i = 0; i < rows; i++)
                new Span<byte>(q + i * inputs.QColumns, d).CopyTo(new Span<byte>(memory.Queries + i * panelRows, d));
            tile.X = memory.Queries;
            tile.StrideX = panelRows;
        }
        int columns = HeadPanels.PaddedTokens(T);
        for (int first = 0; first < columns; first += 64)
        {
            tile.Channels = Math.Min(64, columns - first);
            tile.W = memory.K + (long)first * panelRows;
            tile.Acc = memory.Scores + first;
            tile.Init = memory.InitK + first;
            operation.Dot.Run(&tile);
        }
    }

    /// <summary>z times the sum of each row.</summary>
    static void Times(int z, byte* codes, nint stride, int rows, int count, int* products)
    {
        if (z != 0)
            RowSums.Compute(codes, stride, rows, count, Workers.Serial, products);
        for (int i = 0; i < rows; i++)
            products[i] = z == 0 ? 0 : z * products[i];
    }

    readonly void Context(in Memory memory, int rows, float* factors, int* sums, long at)
    {
        var tile = new DotTile
        {
            X = memory.Map,
            StrideX = tokenStride,
            Groups = (T + 3) / 4,
            Acc = memory.Context,
            StrideAcc = 64 * sizeof(int),
            Rows = rows,
            LargestX = operation.LargestMapCode,
            LargestW = 128,
        };
        for (int first = 0; first < panelRows; first += 64)
        {
            tile.Channels = Math.Min(64, panelRows - first);
            tile.W = memory.V + (long)first * tokenStride;
            tile.Init = memory.InitV + first;
            operation.Dot.Run(&tile);
            if (planes == 1)
                Store<Sums>(memory.Context, rows, factors, sums, first, at + first);
            else
            {
                MultiplyOtherPlanes(tile);
                Join(memory.Context, rows, sums, planes);
                Store<Joined>(memory.Context, rows, factors, sums, first, at + first);
            }
        }
    }

    /// <summary>The planes behind the one whose tile this is.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    readonly void MultiplyOtherPlanes(DotTile tile)
    {
        for (int plane = 1; plane < planes; plane++)
        {
            tile.X += (long)Rows * tokenStride;
            tile.Acc += Rows * 64;
            operation.Dot.Run(&tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    readonly void Store<TContext>(int* acc, int rows, float* factors, int* sums, int first, long at) where TContext : struct, IContext
    {
        var range = operation.Description.Codes;
        int columns = Math.Min(64, d - first);
        if (codes == null)
            StoreFloats<TContext>(acc, rows, factors, sums, floats + at, columns, operation.Columns);
        else if (columns == 64)
            StoreCodes<TContext>(acc, rows, factors, sums, range, codes + at, operation.Columns);
        else
            StoreLastCodes<TContext>(acc, rows, factors, sums, range, codes + at, columns, operation.Columns);
    }

    /// <summary>Puts Σ 256ⁱ·(sums of plane i) in the place of plane 0's, in float by fma from the highest plane down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Join(int* acc, int rows, int* sums, int planes)
    {
        V next = V.Splat(256f);
        for (int row = 0; row < rows; row++)
            for (int c = 0; c < 64; c += 16)
            {
                V z = V.Splat(0f);
                for (int plane = planes - 1; plane >= 0; plane--)
                    z = V.MultiplyAdd(z, next, V.ToFloats(V.SubtractIntegers(V.Load(acc + (plane * Rows + row) * 64 + c), V.Splat(sums[plane * Rows + row]))));
                V.Store(z, acc + row * 64 + c);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void StoreCodes<TContext>(int* acc, int rows, float* factors, int* sums, CodeRange range, byte* y, int stride) where TContext : struct, IContext
    {
        var to = new CodeLanes<V>(range);
        V zeroPoint = V.Splat(range.ZeroPoint);
        for (int i = 0; i < rows; i++, acc += 64, y += stride)
        {
            V factor = V.Splat(factors[i]), sum = V.Splat(sums[i]);
            V.Store(to.Pack(
                to.Round(V.Multiply(TContext.Of(acc, sum), factor), zeroPoint), to.Round(V.Multiply(TContext.Of(acc + 16, sum), factor), zeroPoint),
                to.Round(V.Multiply(TContext.Of(acc + 32, sum), factor), zeroPoint), to.Round(V.Multiply(TContext.Of(acc + 48, sum), factor), zeroPoint)), y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void StoreLastCodes<TContext>(int* acc, int rows, float* factors, int* sums, CodeRange range, byte* y, int columns, int stride) where TContext : struct, IContext
    {
        var to = new CodeLanes<V>(range);
        for (int i = 0; i < rows; i++, acc += 64, y += stride)
            for (int c = 0; c < columns; c += 16)
                LanesTail<V>.StoreCodes(to, to.Round(V.Multiply(TContext.Of(acc + c, V.Splat(sums[i])), V.Splat(factors[i])), V.Splat(range.ZeroPoint)), y + c, columns - c);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void StoreFloats<TContext>(int* acc, int rows, float* factors, int* sums, float* y, int columns, int stride) where TContext : struct, IContext
    {
        for (int i = 0; i < rows; i++, acc += 64, y += stride)
            for (int c = 0; c < columns; c += 16)
            {
                V v = V.Multiply(TContext.Of(acc + c, V.Splat(sums[i])), V.Splat(factors[i]));
                if (columns - c >= 16)
                    V.Store(v, y + c);
                else
                    LanesTail<V>.Store(v, y + c, columns - c);
            }
    }

    /// <summary>What 16 columns of the context hold before the factor.</summary>
    interface IContext
    {
        static abstract V Of(int* acc, V sum);
    }

    /// <summary>Sums of one plane, which lack what the zero point of V takes off.</summary>
    readonly struct Sums : IContext
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(int* acc, V sum) => V.ToFloats(V.SubtractIntegers(V.Load(acc), sum));
    }

    /// <summary>What <see cref="Join"/> has left.</summary>
    readonly struct Joined : IContext
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(int* acc, V sum) => V.Load(acc);
    }
}
