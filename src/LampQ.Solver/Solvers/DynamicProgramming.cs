namespace LampQ.Solver;

public abstract partial class AllocationSolver
{
    /// <summary>Exact for one budget: lists of undominated (size, damage) states in place of a table, so that sizes need no common unit.</summary>
    public static AllocationSolver DynamicProgramming { get; } = new DynamicProgrammingSolver(widestList: 200_000);

    /// <summary>As <see cref="DynamicProgramming"/>, but no list of states grows beyond a limit; beyond it the answer has a gap.</summary>
    /// <param name="widestList">Most states in a list, at least 2. A list takes 24 bytes per state and there is one for every item.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="widestList"/> is below 2.</exception>
    public static AllocationSolver DynamicProgrammingWithin(int widestList)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(widestList, 2);
        return new DynamicProgrammingSolver(widestList);
    }
}

/// <summary>Dynamic programming over undominated states, from both ends to the middle.</summary>
/// <remarks>
/// <para>A state is what some of the items can cost together: (size, damage). Only undominated states are kept, sorted by
/// size with damage falling, and only those whose Lagrangian bound does not exceed the best allocation known.
/// The items are split into two halves; each half builds its own lists and one pass over both last lists finds
/// the best pair. Two lists of n states stand for one of n² (Horowitz and Sahni, 1974).</para>
/// <para>A narrow round (few states, the best by bound) finds a good allocation; the wide round proves that none is better.</para>
/// <para>Ties: the optimum of least damage, then least size, consists of undominated states only, so all of them are in the
/// lists, and the preferred one is found by walking the items in order and asking which choice can still reach that optimum.</para>
/// </remarks>
sealed class DynamicProgrammingSolver(int widestList) : AllocationSolver
{
    const int NarrowList = 48;

    public override string Name => "dynamic-programming";

    public override string? WhyNot(AllocationProblem problem) => problem.Budgets.Count == 1 ? null
        : $"The problem has {problem.Budgets.Count} budgets; {Name} takes exactly one. Use {BranchAndBound.Name} for several.";

    protected override SearchOutcome SolveCore(AllocationProblem problem, CancellationToken cancel)
    {
        var reduced = ReducedProblem.Of(problem);
        var dual = LagrangianDual.Maximize(reduced, cancel);
        var exact = new ExactProblem(reduced, dual.Vectors);

        var best = new Round(exact, Math.Min(NarrowList, widestList), Int128.MaxValue, cancel);
        var leftOut = best.LeftOut;
        long nodes = best.Nodes;
        if (leftOut <= best.Damage && widestList > NarrowList)
        {
            var wide = new Round(exact, widestList, best.Damage, cancel);
            leftOut = wide.LeftOut;
            nodes += wide.Nodes;
            // A wide round whose lists overflow may lose the narrow round's allocation.
            if (wide.Damage <= best.Damage)
                best = wide;
        }
        return new()
        {
            Choices = reduced.Original(best.PreferredChoices()),
            // A state left out with a bound equal to the optimum could only have tied with it.
            Proven = leftOut >= best.Damage,
            LowerBound = exact.BoundToDouble(Int128.Min(leftOut, best.Damage)),
            Tolerance = exact.Tolerance,
            Nodes = nodes,
            Prices = dual.Prices,
        };
    }

    /// <summary>One run over all items with lists of a given width.</summary>
    sealed class Round
    {
        readonly ExactProblem exact;
        readonly int width;
        readonly CancellationToken cancel;

        /// <summary>Largest value of damage + price·size, summed over all items, that can still lead to the best allocation.</summary>
        readonly Int128 mostCost;

        readonly Int128 priceOfLimit;
        readonly Int128 leastOfAll;
        readonly int middle;
        readonly long limit;
        readonly Int128 price;

        /// <summary>[item]: states of items item..middle−1 for the first half, item..last for the second.</summary>
        readonly States[] first, second;

        long optimalSize;

        public Round(ExactProblem exact, int width, Int128 bestKnown, CancellationToken cancel)
        {
            this.exact = exact;
            this.width = width;
            this.cancel = cancel;
            int items = exact.Reduced.Menus.Length;
            limit = exact.Reduced.Limits[0];
            price = exact.Prices[0][0];
            priceOfLimit = exact.PriceOfLimits(0);
            for (int i = 0; i < items; i++)
                leastOfAll += exact.Least(0, i);
            mostCost = bestKnown == Int128.MaxValue ? Int128.MaxValue : bestKnown + priceOfLimit;

            middle = items / 2;
            first = Build(0, middle);
            second = Build(middle, items);
            FindBestPair();
        }

        /// <summary>Damage of the best allocation found, in fixed-point units.</summary>
        public Int128 Damage { get; private set; }

        /// <summary>The smallest bound of any state left out because its list was full; the largest number when none was.</summary>
        public Int128 LeftOut { get; private set; } = Int128.MaxValue;

        /// <summary>States looked at.</summary>
        public long Nodes { get; private set; }

        /// <summary>Lists for items start..end−1, built from the last item backwards; entry end−start is the empty state.</summary>
        States[] Build(int start, int end)
        {
            var lists = new States[end - start + 1];
            lists[^1] = States.Empty;
            var leastOfOthers = leastOfAll;
            for (int i = end - 1; i >= start; i--)
            {
                leastOfOthers -= exact.Least(0, i);
                lists[i - start] = Extend(lists[i - start + 1], i, leastOfOthers);
            }
            return lists;
        }

        /// <summary>All undominated sums of a state and a choice of item <paramref name="item"/> that may lead to the best allocation.</summary>
        States Extend(States states, int item, Int128 leastOfOthers)
        {
            var menu = exact.Reduced.Menus[item];
            var damages = exact.Damage[item];
            // Sum of (damage + price·size) that a state may have, given that all other items cost at least their least.
            var most = mostCost == Int128.MaxValue ? Int128.MaxValue : mostCost - leastOfOthers;

            // Merging: every choice shifts the list by its size; head[c] is the next state of the list shifted by choice c.
            var head = new int[menu.Count];
            var nextSize = new long[menu.Count];
            var nextDamage = new Int128[menu.Count];
            for (int c = 0; c < menu.Count; c++)
                Load(c);
            var result = new States.Builder(states.Count * menu.Count);
            var lowest = Int128.MaxValue;
            while (true)
            {
                int next = 0;
                for (int c = 1; c < menu.Count; c++)
                    if (nextSize[c] < nextSize[next] || (nextSize[c] == nextSize[next] && nextDamage[c] < nextDamage[next]))
                        next = c;
                long size = nextSize[next];
                if (size > limit)
                    break;
                if ((++Nodes & 0xffff) == 0)
                    cancel.ThrowIfCancellationRequested();
                var damage = nextDamage[next];
                if (damage < lowest)
                {
                    lowest = damage;
                    if (damage + price * size <= most)
                        result.Add(size, damage);
                }
                head[next]++;
                Load(next);
            }
            return result.Count <= width ? result.ToStates() : KeepBest(result.ToStates(), leastOfOthers);

            void Load(int c)
            {
                bool more = head[c] < states.Count;
                nextSize[c] = more ? states.Size[head[c]] + menu.Size[c] : long.MaxValue;
                nextDamage[c] = more ? states.Damage[head[c]] + damages[c] : Int128.MaxValue;
            }
        }

        /// <summary>The <see cref="width"/> states with the lowest bounds, and always the smallest state, so that some pair fits.</summary>
        States KeepBest(States states, Int128 leastOfOthers)
        {
            var cost = new Int128[states.Count];
            var rank = new double[states.Count];
            var cheapest = Int128.MaxValue;
            for (int s = 0; s < states.Count; s++)
            {
                cost[s] = states.Damage[s] + price * states.Size[s];
                cheapest = Int128.Min(cheapest, cost[s]);
            }
            for (int s = 0; s < states.Count; s++)
                rank[s] = (double)(cost[s] - cheapest);
            var stays = BestOf.Select(rank, width);
            var result = new States.Builder(width + 1);
            for (int s = 0; s < states.Count; s++)
            {
                if (s == 0 || stays[s])
                    result.Add(states.Size[s], states.Damage[s]);
                else
                    LeftOut = Int128.Min(LeftOut, cost[s] + leastOfOthers - priceOfLimit);
            }
            return result.ToStates();
        }

        /// <summary>Least damage, then least size, of a state of each half that fit together. Sizes rise in one list while they fall in the other.</summary>
        void FindBestPair()
        {
            var (left, right) = (first[0], second[0]);
            Damage = Int128.MaxValue;
            int r = right.Count - 1;
            for (int l = 0; l < left.Count; l++)
            {
                while (r >= 0 && left.Size[l] + right.Size[r] > limit)
                    r--;
                if (r < 0)
                    break;
                var damage = left.Damage[l] + right.Damage[r];
                long size = left.Size[l] + right.Size[r];
                if (damage < Damage || (damage == Damage && size < optimalSize))
                    (Damage, optimalSize) = (damage, size);
            }
        }

        /// <summary>Of all choices that reach the optimal damage and size, the preferred ones (menus are in order of preference).</summary>
        public int[] PreferredChoices()
        {
            var choices = new int[exact.Reduced.Menus.Length];
            var damage = Damage;
            long size = optimalSize;
            for (int i = 0; i < choices.Length; i++)
            {
                var menu = exact.Reduced.Menus[i];
                int c = 0;
                while (!CanReach(i + 1, size - menu.Size[c], damage - exact.Damage[i][c]))
                    c++;
                choices[i] = c;
                size -= menu.Size[c];
                damage -= exact.Damage[i][c];
            }
            return choices;
        }

        /// <summary>Whether items from <paramref name="item"/> on can have exactly this total size and damage.</summary>
        bool CanReach(int item, long size, Int128 damage)
        {
            if (item >= middle)
                return second[item - middle].Contains(size, damage);
            var (left, right) = (first[item], second[0]);
            int r = right.Count - 1;
            for (int l = 0; l < left.Count; l++)
            {
                while (r >= 0 && left.Size[l] + right.Size[r] > size)
                    r--;
                if (r < 0)
                    return false;
                if (left.Size[l] + right.Size[r] == size && left.Damage[l] + right.Damage[r] == damage)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Undominated states: sizes strictly rising, damages strictly falling.</summary>
    sealed class States(long[] size, Int128[] damage, int count)
    {
        public static States Empty { get; } = new([0], [Int128.Zero], 1);

        public int Count => count;
        public long[] Size => size;
        public Int128[] Damage => damage;

        public bool Contains(long wantedSize, Int128 wantedDamage)
        {
            int s = Array.BinarySearch(size, 0, count, wantedSize);
            return s >= 0 && damage[s] == wantedDamage;
        }

        public struct Builder(int capacity)
        {
            long[] size = new long[Math.Min(capacity, 256)];
            Int128[] damage = new Int128[Math.Min(capacity, 256)];

            public int Count { get; private set; }

            public void Add(long nextSize, Int128 nextDamage)
            {
                if (Count == size.Length)
                {
                    Array.Resize(ref size, 2 * Count);
                    Array.Resize(ref damage, 2 * Count);
                }
                size[Count] = nextSize;
                damage[Count++] = nextDamage;
            }

            public readonly States ToStates() => new(size, damage, Count);
        }
    }
}
