using System.Diagnostics;

namespace LampQ.Solver;

public abstract partial class AllocationSolver
{
    /// <summary>Exact for any number of budgets: branches on one item at a time, side by side, with Lagrangian bounds.</summary>
    public static AllocationSolver BranchAndBound { get; } = new BranchAndBoundSolver(new());

    /// <summary>As <see cref="BranchAndBound"/>, within limits of the caller's choice.</summary>
    /// <exception cref="ArgumentException">A limit is not positive.</exception>
    public static AllocationSolver BranchAndBoundWithin(SearchLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        limits.Check();
        return new BranchAndBoundSolver(limits);
    }
}

/// <summary>Branch and bound, breadth first: one level for every item, all nodes of a level side by side.</summary>
/// <remarks>
/// <para>A node fixes the choices of the first items (in search order). It is pruned when a budget cannot be kept any more, when its bound,
/// the best over several price vectors, exceeds the best allocation known, or when another node of its level has the same
/// sizes and does less damage. The last rule is why the search goes level by level: identical layers, which ViTs
/// are full of, make whole subtrees coincide, and side by side they merge.</para>
/// <para>Rounds of growing width: a narrow round keeps the nodes with the best bounds and finds good allocations; a
/// round that leaves nothing out that could be better is the proof. The smallest bound left out is the lower bound otherwise.</para>
/// <para>Large items come first. What is left is then many small items, for which the Lagrangian bound is nearly exact. (Ordering by
/// the regret of the second-best choice was tried: 3 to 9 times more nodes on Swin menus with three budgets.)</para>
/// </remarks>
sealed class BranchAndBoundSolver(SearchLimits limits) : AllocationSolver
{
    static readonly int[] Widths = [48, 2_000, 20_000];

    public override string Name => "branch-and-bound";

    protected override SearchOutcome SolveCore(AllocationProblem problem, CancellationToken cancel)
    {
        var reduced = ReducedProblem.Of(problem);
        var dual = LagrangianDual.Maximize(reduced, cancel);
        var exact = new ExactProblem(reduced, dual.Vectors);
        var search = new Search(exact, limits, cancel);

        foreach (int width in Widths.Where(w => w < limits.Width).Append(limits.Width))
        {
            search.Run(width);
            // With equality what was left out can only tie; one more round may still find the preferred one.
            if (search.LeftOut > search.Damage || search.LeftOut == Int128.MaxValue || search.LimitReached)
                break;
        }
        return new()
        {
            Choices = search.Choices is { } choices ? reduced.Original(choices) : null,
            Proven = search.LowerBound >= search.Damage,
            LowerBound = exact.BoundToDouble(search.LowerBound),
            Tolerance = exact.Tolerance,
            Nodes = search.Nodes,
            Prices = dual.Prices,
        };
    }

    sealed class Search
    {
        readonly ExactProblem exact;
        readonly SearchLimits limits;
        readonly CancellationToken cancel;
        readonly Stopwatch clock = Stopwatch.StartNew();
        readonly int budgets, items;

        /// <summary>Items in search order.</summary>
        readonly int[] order;

        /// <summary>[vector][depth]: what the items from depth on cost at least, minus the price of the limits.</summary>
        readonly Int128[][] leastOfRest;

        /// <summary>[depth · budgets + b]: the most that items before depth may use of budget b.</summary>
        readonly long[] mostUsed;

        /// <summary>The Lagrangian bound of the whole problem.</summary>
        readonly Int128 rootBound;

        long[] totals = [];

        public Search(ExactProblem exact, SearchLimits limits, CancellationToken cancel)
        {
            this.exact = exact;
            this.limits = limits;
            this.cancel = cancel;
            budgets = exact.Reduced.Budgets;
            items = exact.Reduced.Menus.Length;
            order = [.. Enumerable.Range(0, items).OrderByDescending(Weight).ThenBy(i => i)];
            leastOfRest = [.. Enumerable.Range(0, exact.Prices.Length).Select(LeastOfRest)];
            rootBound = leastOfRest.Max(rest => rest[0]);
            LowerBound = rootBound;
            mostUsed = new long[(items + 1) * budgets];
            for (int b = 0; b < budgets; b++)
            {
                mostUsed[items * budgets + b] = exact.Reduced.Limits[b];
                for (int depth = items - 1; depth >= 0; depth--)
                    mostUsed[depth * budgets + b] = mostUsed[(depth + 1) * budgets + b] - SmallestSize(order[depth], b);
            }
        }

        /// <summary>The best allocation found; null before the first.</summary>
        public int[]? Choices { get; private set; }

        /// <summary>Its damage in fixed-point units; the largest number before the first.</summary>
        public Int128 Damage { get; private set; } = Int128.MaxValue;

        /// <summary>In the last round, the smallest bound of any node left out; the largest number when none was.</summary>
        public Int128 LeftOut { get; private set; } = Int128.MaxValue;

        /// <summary>The best lower bound of all rounds; the largest number when a round left nothing out and found nothing.</summary>
        public Int128 LowerBound { get; private set; }

        public long Nodes { get; private set; }

        public bool LimitReached { get; private set; }

        /// <summary>One round over all levels that keeps at most <paramref name="width"/> nodes in each.</summary>
        public void Run(int width)
        {
            LeftOut = Int128.MaxValue;
            var level = Level.Root(budgets, rootBound);
            for (int depth = 0; depth < items && level.Count > 0 && !LimitReached; depth++)
            {
                level = Branch(level, depth);
                if (level.Count > width)
                    KeepBest(level, width);
                level.ForgetIndex();
            }
            if (level.Count > 0 && !LimitReached)
                TakeBest(level);
            LowerBound = Int128.Max(LowerBound, Int128.Min(LeftOut, Damage));
        }

        /// <summary>All children of a level that may lead to an allocation as good as the best known.</summary>
        Level Branch(Level parents, int depth)
        {
            int item = order[depth];
            var menu = exact.Reduced.Menus[item];
            var children = new Level(parents, budgets, depth);
            var size = new long[budgets];
            for (int p = 0; p < parents.Count; p++)
            {
                if ((p & 0xff) == 0)
                {
                    cancel.ThrowIfCancellationRequested();
                    if (Nodes >= limits.Nodes || clock.Elapsed >= limits.Time)
                    {
                        LimitReached = true;
                        LeaveOut(parents, p);
                        LeaveOut(children, 0);
                        return children;
                    }
                }
                for (int c = 0; c < menu.Count; c++)
                {
                    Nodes++;
                    bool fits = true;
                    for (int b = 0; b < budgets; b++)
                    {
                        size[b] = parents.Size[p * budgets + b] + menu.Size[c * budgets + b];
                        fits &= size[b] <= mostUsed[(depth + 1) * budgets + b];
                    }
                    if (!fits)
                        continue;
                    var damage = parents.Damage[p] + exact.Damage[item][c];
                    var bound = Bound(damage, size, depth + 1);
                    if (bound <= Damage)
                        children.AddOrMerge(size, damage, bound, p, c, order);
                }
            }
            return children;
        }

        /// <summary>The best bound over all price vectors, for a node that has decided the items before <paramref name="depth"/>.</summary>
        Int128 Bound(Int128 damage, long[] size, int depth)
        {
            var best = Int128.MinValue;
            for (int v = 0; v < leastOfRest.Length; v++)
            {
                var bound = damage + leastOfRest[v][depth];
                var prices = exact.Prices[v];
                for (int b = 0; b < budgets; b++)
                    bound += prices[b] * size[b];
                if (bound > best)
                    best = bound;
                if (best > Damage)
                    break;
            }
            return best;
        }

        /// <summary>Counts nodes as left out; the bound of an unfinished node covers its children.</summary>
        void LeaveOut(Level level, int from)
        {
            for (int node = from; node < level.Count; node++)
                LeftOut = Int128.Min(LeftOut, level.Bound[node]);
        }

        void KeepBest(Level level, int width)
        {
            var rank = new double[level.Count];
            var lowest = level.Bound.AsSpan(0, level.Count).ToArray().Min();
            for (int node = 0; node < level.Count; node++)
                rank[node] = (double)(level.Bound[node] - lowest);
            var stays = BestOf.Select(rank, width);
            int kept = 0;
            for (int node = 0; node < level.Count; node++)
            {
                if (stays[node])
                    level.Move(node, kept++);
                else
                    LeftOut = Int128.Min(LeftOut, level.Bound[node]);
            }
            level.Truncate(kept);
        }

        /// <summary>Takes the preferred complete allocation of the last level if it is better than the one known.</summary>
        void TakeBest(Level level)
        {
            int best = 0;
            for (int node = 1; node < level.Count; node++)
                if (IsPreferred(level, node, best))
                    best = node;
            var size = level.Size.AsSpan(best * budgets, budgets).ToArray();
            // An equal allocation from a wider round was chosen among more, so it replaces an earlier one unless that is preferred.
            if (Choices is not null && level.Damage[best] == Damage)
            {
                int order = size.AsSpan().SequenceCompareTo(totals);
                if (order > 0 || (order == 0 && level.ChoicesOf(best, this.order).AsSpan().SequenceCompareTo(Choices) > 0))
                    return;
            }
            (Damage, totals, Choices) = (level.Damage[best], size, level.ChoicesOf(best, order));
        }

        bool IsPreferred(Level level, int node, int other)
        {
            if (level.Damage[node] != level.Damage[other])
                return level.Damage[node] < level.Damage[other];
            // Nodes of one level have different sizes: equal ones were merged.
            return level.Size.AsSpan(node * budgets, budgets).SequenceCompareTo(level.Size.AsSpan(other * budgets, budgets)) < 0;
        }

        /// <summary>How much an item can use of what is left of the budgets: the sum over budgets of its largest share.</summary>
        double Weight(int item)
        {
            var menu = exact.Reduced.Menus[item];
            double weight = 0;
            for (int b = 0; b < budgets; b++)
            {
                long largest = 0;
                for (int c = 0; c < menu.Count; c++)
                    largest = Math.Max(largest, menu.Size[c * budgets + b]);
                weight += (double)largest / Math.Max(1, exact.Reduced.Limits[b]);
            }
            return weight;
        }

        Int128[] LeastOfRest(int vector)
        {
            var rest = new Int128[items + 1];
            rest[items] = -exact.PriceOfLimits(vector);
            for (int depth = items - 1; depth >= 0; depth--)
                rest[depth] = rest[depth + 1] + exact.Least(vector, order[depth]);
            return rest;
        }

        long SmallestSize(int item, int budget)
        {
            var menu = exact.Reduced.Menus[item];
            long smallest = long.MaxValue;
            for (int c = 0; c < menu.Count; c++)
                smallest = Math.Min(smallest, menu.Size[c * budgets + budget]);
            return smallest;
        }
    }

    /// <summary>The nodes after one more decided item. Every node knows its parent and its choice; sizes and bounds are only needed while the level is the last.</summary>
    sealed class Level(Level? parents, int budgets, int depth)
    {
        int[] parent = new int[64];
        int[] choice = new int[64];
        int[] index = NewIndex(256);

        public int Count { get; private set; }

        /// <summary>[node · budgets + b]</summary>
        public long[] Size { get; private set; } = new long[64 * budgets];

        public Int128[] Damage { get; private set; } = new Int128[64];
        public Int128[] Bound { get; private set; } = new Int128[64];

        public static Level Root(int budgets, Int128 bound)
        {
            var root = new Level(null, budgets, -1) { Count = 1 };
            root.Bound[0] = bound;
            return root;
        }

        /// <summary>Adds a node, or merges it with the one of equal sizes: the less damaging, then the preferred one stays.</summary>
        public void AddOrMerge(long[] size, Int128 damage, Int128 bound, int fromParent, int withChoice, int[] order)
        {
            int slot = Find(size);
            int node = index[slot];
            if (node < 0)
            {
                if (Count == parent.Length)
                {
                    Grow();
                    slot = Find(size);
                }
                node = Count++;
                index[slot] = node;
                size.CopyTo(Size, node * budgets);
            }
            else if (damage > Damage[node] || (damage == Damage[node] && !ComesFirst(fromParent, withChoice, node, order)))
            {
                return;
            }
            Damage[node] = damage;
            Bound[node] = bound;
            parent[node] = fromParent;
            choice[node] = withChoice;
        }

        /// <summary>Moves a node to an earlier place that is no longer needed.</summary>
        public void Move(int from, int to)
        {
            if (from == to)
                return;
            Array.Copy(Size, from * budgets, Size, to * budgets, budgets);
            (Damage[to], Bound[to], parent[to], choice[to]) = (Damage[from], Bound[from], parent[from], choice[from]);
        }

        public void Truncate(int count) => Count = count;

        /// <summary>Frees what only growing needs, in this level and in the one before it.</summary>
        public void ForgetIndex()
        {
            index = [];
            if (parents is null)
                return;
            parents.Size = [];
            parents.Damage = [];
            parents.Bound = [];
        }

        /// <summary>For every item, in the problem's order, its choice.</summary>
        public int[] ChoicesOf(int node, int[] order)
        {
            var choices = new int[depth + 1];
            for (var level = this; level.Depth >= 0; level = level.Parents!)
            {
                choices[order[level.Depth]] = level.choice[node];
                node = level.parent[node];
            }
            return choices;
        }

        int Depth => depth;
        Level? Parents => parents;

        /// <summary>Whether a new node (parent and choice) is preferred to an existing one: the first item, in the problem's order, where they differ decides.</summary>
        bool ComesFirst(int newParent, int newChoice, int node, int[] order)
        {
            int firstItem = int.MaxValue;
            bool comesFirst = false;
            var (a, choiceA) = (newParent, newChoice);
            var (b, choiceB) = (parent[node], choice[node]);
            for (var level = this; ;)
            {
                if (choiceA != choiceB && order[level.Depth] < firstItem)
                {
                    firstItem = order[level.Depth];
                    comesFirst = choiceA < choiceB;
                }
                if (a == b)
                    return comesFirst;
                level = level.Parents!;
                (a, choiceA) = (level.parent[a], level.choice[a]);
                (b, choiceB) = (level.parent[b], level.choice[b]);
            }
        }

        int Find(ReadOnlySpan<long> size)
        {
            ulong hash = 0;
            foreach (long s in size)
                hash = (hash ^ (ulong)s) * 0x9E3779B97F4A7C15UL;
            int slot = (int)(hash >> 33) & (index.Length - 1);
            while (index[slot] >= 0 && !Size.AsSpan(index[slot] * budgets, budgets).SequenceEqual(size))
                slot = (slot + 1) & (index.Length - 1);
            return slot;
        }

        void Grow()
        {
            int capacity = 2 * Count;
            Array.Resize(ref parent, capacity);
            Array.Resize(ref choice, capacity);
            var (size, damage, bound) = (Size, Damage, Bound);
            Array.Resize(ref size, capacity * budgets);
            Array.Resize(ref damage, capacity);
            Array.Resize(ref bound, capacity);
            (Size, Damage, Bound) = (size, damage, bound);
            index = NewIndex(4 * capacity);
            for (int node = 0; node < Count; node++)
                index[Find(Size.AsSpan(node * budgets, budgets))] = node;
        }

        static int[] NewIndex(int length)
        {
            var empty = new int[length];
            Array.Fill(empty, -1);
            return empty;
        }
    }
}
