using System.Numerics;

namespace LampQ.Solver.Tests;

/// <summary>The solvers held by the contract, and the oracle they are held against.</summary>
static class SolverContract
{
    /// <summary>Every known solver, and the adapters that this build was given (LampQOrTools=true adds Google.OrTools).</summary>
    public static IReadOnlyList<AllocationSolver> Solvers { get; } =
    [
        .. AllocationSolver.All,
#if LAMPQ_ORTOOLS
        OrToolsSolver.CpSat,
#endif
    ];

    public static IEnumerable<AllocationSolver> SolversFor(AllocationProblem problem) => Solvers.Where(solver => solver.WhyNot(problem) is null);

    /// <summary>The preferred optimum by trying everything: damage, then totals in order, then more bits for earlier items; null when nothing fits.</summary>
    public static BitAllocation? Exhaustive(AllocationProblem problem)
    {
        BitAllocation? best = null;
        Exact? least = null;
        foreach (var candidate in Everything(problem))
        {
            if (!candidate.KeepsBudgets)
                continue;
            var damage = Exact.Sum(candidate);
            if (best is null || Compare(candidate, damage, best, least!.Value) < 0)
                (best, least) = (candidate, damage);
        }
        return best;
    }

    public static IEnumerable<BitAllocation> Everything(AllocationProblem problem)
    {
        var choices = new int[problem.Items.Count];
        while (true)
        {
            yield return new(problem, choices);
            int i = 0;
            while (i < choices.Length && ++choices[i] == problem.Items[i].Choices.Count)
                choices[i++] = 0;
            if (i == choices.Length)
                yield break;
        }
    }

    static int Compare(BitAllocation a, Exact damageA, BitAllocation b, Exact damageB)
    {
        int order = damageA.CompareTo(damageB);
        for (int k = 0; order == 0 && k < a.Totals.Count; k++)
            order = a.Totals[k].CompareTo(b.Totals[k]);
        for (int i = 0; order == 0 && i < a.Choices.Count; i++)
            order = b.BitsOf(i).CompareTo(a.BitsOf(i));
        return order;
    }

    /// <summary>A sum of doubles without any rounding: an integer times 2^−1074, the smallest double.</summary>
    readonly record struct Exact(BigInteger Value)
    {
        public static Exact Sum(BitAllocation allocation)
        {
            var sum = BigInteger.Zero;
            for (int i = 0; i < allocation.Choices.Count; i++)
                sum += Of(allocation.Problem.Items[i].Choices[allocation.Choices[i]].Damage);
            return new(sum);
        }

        public int CompareTo(Exact other) => Value.CompareTo(other.Value);

        static BigInteger Of(double value)
        {
            if (value == 0)
                return 0;
            int exponent = Math.ILogB(value) - 52;
            // The significand as an integer times 2^exponent; adding 1074 makes every exponent non-negative for normal doubles.
            return new BigInteger(Math.ScaleB(value, -exponent)) << (exponent + 1074);
        }
    }
}
