namespace LampQ.Solver.Tests;

/// <summary>Problems that tests share: tiny random ones that exhaustive search can answer, and menus of real models' shapes.</summary>
static class Problems
{
    /// <summary>One item of a menu written as (bits, damage, sizes).</summary>
    public static AllocationItem Item(string name, params (int Bits, double Damage, long[] Sizes)[] menu) =>
        new(name, [.. menu.Select(c => new Choice(c.Bits, c.Damage, c.Sizes))]);

    public static AllocationProblem InBits(long limit, params AllocationItem[] items) => new(items, [new Budget("size", "bits", limit)]);

    /// <summary>A problem small enough for exhaustive search: up to 6 items of up to 5 widths.</summary>
    /// <remarks>Damages come in four kinds: falling with bits, arbitrary, small integers (many ties), and over fifteen decades with either sign.</remarks>
    public static AllocationProblem RandomSmall(Random random, int budgets)
    {
        int items = random.Next(1, 7), kind = random.Next(4), sizeKind = random.Next(3);
        var menu = new List<AllocationItem>();
        for (int i = 0; i < items; i++)
        {
            long parameters = sizeKind == 0 ? random.Next(1, 4) : sizeKind == 1 ? random.Next(1, 50) : random.NextInt64(1, 10_000_000_000);
            double sensitivity = Math.Exp(4 * random.NextDouble());
            menu.Add(new($"layer {i}", [.. Enumerable.Range(2, random.Next(1, 6)).OrderBy(_ => random.Next()).Select(bits => new Choice(bits, kind switch
            {
                0 => sensitivity * Math.Pow(4, -bits),
                1 => random.NextDouble() - 0.3,
                2 => random.Next(-2, 3),
                _ => (random.Next(3) - 1) * Math.Pow(10, random.Next(-9, 7)) * random.NextDouble(),
            }, [.. Enumerable.Range(0, budgets).Select(b => b == 0
                ? parameters * bits + (sizeKind == 2 ? random.Next(3) : 0)
                : sizeKind == 2 ? random.NextInt64(0, 10_000_000_000) : random.Next(0, 20))]))]));
        }
        return new(menu, Enumerable.Range(0, budgets).Select(b =>
        {
            long smallest = menu.Sum(item => item.Choices.Min(c => c.Sizes[b])), largest = menu.Sum(item => item.Choices.Max(c => c.Sizes[b]));
            // From just below the smallest to just above the largest, so that infeasible and slack budgets occur too.
            return new Budget($"budget {b}", "units", smallest - 1 + (long)((largest - smallest + 2) * random.NextDouble()));
        }));
    }

    /// <summary>Linear layers of a plain ViT: per block qkv 3d², proj d², fc1 4d², fc2 4d²; [rows, columns] of each weight.</summary>
    public static (string Name, long Rows, long Columns)[] Vit(int blocks, long width) =>
        [.. Enumerable.Range(0, blocks).SelectMany(b => new[]
        {
            ($"blocks.{b}.qkv", 3 * width, width), ($"blocks.{b}.proj", width, width),
            ($"blocks.{b}.fc1", 4 * width, width), ($"blocks.{b}.fc2", width, 4 * width),
        })];

    /// <summary>Linear layers of a Swin: stages of doubling width with a reduction [2d, 4d] between them.</summary>
    public static (string Name, long Rows, long Columns)[] Swin(int[] depths, long width) =>
        [.. depths.SelectMany((depth, stage) => Vit(depth, width << stage)
            .Select(layer => ($"stage {stage} {layer.Name}", layer.Rows, layer.Columns))
            .Concat(stage + 1 < depths.Length ? [($"stage {stage} reduction", 2 * (width << stage), 4 * (width << stage))] : []))];

    /// <summary>Σ parameters·bits at an average width, damage Ω·4^−bits with Ω spread over four decades.</summary>
    public static AllocationProblem AverageBits((string Name, long Rows, long Columns)[] layers, double average, Random random) => new(
        layers.Select(l => new AllocationItem(l.Name, Menu(l, random, (bits, parameters) => [parameters * bits]))),
        [new Budget("size", "bits", (long)(average * layers.Sum(l => l.Rows * l.Columns)))]);

    /// <summary>The bytes of a file: packed rows, one float scale and one zero point byte for each row, and a length of names that shares no unit with anything.</summary>
    public static AllocationProblem Bytes((string Name, long Rows, long Columns)[] layers, double average, Random random)
    {
        var overhead = layers.ToDictionary(l => l.Name, _ => random.NextInt64(37, 1_009));
        return new(
            layers.Select(l => new AllocationItem(l.Name, Menu(l, random, (bits, _) => [FileBytes(l, bits) + overhead[l.Name]]))),
            [new Budget("file", "bytes", (long)(average / 8 * layers.Sum(l => l.Rows * l.Columns)) + layers.Sum(l => 5 * l.Rows + 600))]);
    }

    /// <summary>Sizes of random layers that have nothing in common, each width with its own measured-looking excess.</summary>
    public static AllocationProblem Awkward(int layers, double average, Random random)
    {
        var parameters = Enumerable.Range(0, layers).Select(_ => random.NextInt64(100_000, 10_000_000)).ToArray();
        return new(
            parameters.Select((p, i) => new AllocationItem($"layer {i}", Menu(($"{i}", p, 1), random, (bits, _) => [p * bits / 8 + random.NextInt64(0, 5_000)]))),
            [new Budget("file", "bytes", (long)(average / 8 * parameters.Sum()))]);
    }

    /// <summary>Bytes, bit operations and latency at once; latency is not proportional to bits (3 bits may be slower than 4).</summary>
    public static AllocationProblem SeveralBudgets((string Name, long Rows, long Columns)[] layers, double average, int budgets, Random random)
    {
        var jitter = layers.SelectMany(l => Enumerable.Range(2, 7).Select(bits => (l.Name, bits))).ToDictionary(key => key, _ => 0.8 + 0.4 * random.NextDouble());
        Func<(string Name, long Rows, long Columns), int, long>[] measures =
        [
            FileBytes,
            (l, bits) => l.Rows * l.Columns * bits * 8 / 1_000,
            (l, bits) => (long)(l.Rows * l.Columns * (2 + bits) * jitter[(l.Name, bits)] / 10_000),
        ];
        var items = layers.Select(l => new AllocationItem(l.Name, Menu(l, random, (bits, _) => [.. measures.Take(budgets).Select(measure => measure(l, bits))]))).ToArray();
        string[] names = ["file", "operations", "latency"], units = ["bytes", "thousand bit operations", "microseconds"];
        double[] tightness = [1, 1.02, 0.98];
        return new(items, Enumerable.Range(0, budgets).Select(b => new Budget(names[b], units[b],
            (long)(tightness[b] * layers.Sum(l => measures[b](l, 2) + (measures[b](l, 8) - measures[b](l, 2)) * (average - 2) / 6)))));
    }

    static long FileBytes((string Name, long Rows, long Columns) layer, int bits) => layer.Rows * ((layer.Columns * bits + 7) / 8 + 5);

    static Choice[] Menu((string Name, long Rows, long Columns) layer, Random random, Func<int, long, long[]> sizes)
    {
        double omega = Math.Pow(10, 4 * random.NextDouble() - 2);
        return [.. Enumerable.Range(2, 7).Select(bits =>
            new Choice(bits, omega * Math.Pow(4, -bits) * (0.9 + 0.2 * random.NextDouble()), sizes(bits, layer.Rows * layer.Columns)))];
    }
}
