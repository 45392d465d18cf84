using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>One pair that refinement tried.</summary>
/// <param name="Up">The group that got one bit more.</param>
/// <param name="Down">The group that got one bit less.</param>
/// <param name="Before">Measured error before.</param>
/// <param name="After">Measured error after.</param>
/// <param name="Accepted">Whether the pair was kept.</param>
public sealed record RefinementStep(string Up, string Down, double Before, double After, bool Accepted);

/// <summary>
/// The error-based iterative bit update (LampQ, AAAI-26, step 2): one layer gets a bit more, another a bit less (where the menu has gaps, the next width it offers), and the pair is kept while the
/// measured error of the whole model falls.
/// </summary>
/// <remarks>
/// gain(i) = E_i·(1 − 1/ρ(B+1)) and degradation(i) = E_i·(ρ(B) − 1) with Lemma 3's ratios (their products across a gap), E_i the error of layer i at its current width: the paper's
/// relative output error L_i, or a measured damage. The pairs are tried by falling gain − degradation. The paper measures accuracy on the calibration set and leaves open what follows a failed pair; here the mean KL to the
/// float model is measured, which moves long before a prediction flips, and after a failed pair the next is tried, up to a number in a row.
/// </remarks>
public sealed class AllocationRefiner
{
    /// <summary>Failed pairs in a row after which refinement ends.</summary>
    public int Patience { get; init; } = 6;

    /// <summary>Most pairs tried.</summary>
    public int MaximumSteps { get; init; } = 24;

    /// <summary>Refines an allocation.</summary>
    /// <param name="allocation">The solver's allocation; its budgets are kept.</param>
    /// <param name="layerError">E_i at a width: index of the item, bits.</param>
    /// <param name="measure">Measured error of the whole model under bits by item name.</param>
    /// <param name="steps">Told of every pair tried.</param>
    public BitAllocation Refine(BitAllocation allocation, Func<int, int, double> layerError, Func<BitAllocation, double> measure, ICollection<RefinementStep> steps)
    {
        var current = allocation;
        if (MaximumSteps == 0)
            return current;
        double error = measure(current);
        var failed = new HashSet<(int Up, int UpBits, int Down, int DownBits)>();
        int failures = 0;
        while (steps.Count < MaximumSteps && failures < Patience && BestPair(current, layerError, failed) is { } pair)
        {
            var (up, down, next) = pair;
            double after = measure(next);
            bool accepted = after < error;
            steps.Add(new RefinementStep(allocation.Problem.Items[up].Name, allocation.Problem.Items[down].Name, error, after, accepted));
            if (accepted)
            {
                (current, error, failures) = (next, after, 0);
                failed.Clear();
            }
            else
            {
                failed.Add((up, current.BitsOf(up), down, current.BitsOf(down)));
                failures++;
            }
        }
        return current;
    }

    static (int Up, int Down, BitAllocation Next)? BestPair(BitAllocation current, Func<int, int, double> layerError, HashSet<(int, int, int, int)> failed)
    {
        var problem = current.Problem;
        var items = Enumerable.Range(0, problem.Items.Count).ToArray();
        var ups = items.Select(i => (Item: i, Choice: Neighbour(problem, i, current.BitsOf(i), wider: true)))
            .Where(u => u.Choice >= 0)
            .Select(u => (u.Item, u.Choice, Gain: layerError(u.Item, current.BitsOf(u.Item)) * (1 - 1 / Ratio(current.BitsOf(u.Item), BitsAt(u.Item, u.Choice)))));
        var downs = items.Select(i => (Item: i, Choice: Neighbour(problem, i, current.BitsOf(i), wider: false)))
            .Where(d => d.Choice >= 0)
            .Select(d => (d.Item, d.Choice, Loss: layerError(d.Item, current.BitsOf(d.Item)) * (Ratio(BitsAt(d.Item, d.Choice), current.BitsOf(d.Item)) - 1)));
        foreach (var (up, down) in (from u in ups from d in downs where u.Item != d.Item orderby u.Gain - d.Loss descending select (u, d)))
        {
            if (failed.Contains((up.Item, current.BitsOf(up.Item), down.Item, current.BitsOf(down.Item))))
                continue;
            var choices = current.Choices.ToArray();
            (choices[up.Item], choices[down.Item]) = (up.Choice, down.Choice);
            var next = new BitAllocation(problem, choices);
            if (next.KeepsBudgets)
                return (up.Item, down.Item, next);
        }
        return null;

        int BitsAt(int item, int choice) => problem.Items[item].Choices[choice].Bits;
    }

    /// <summary>Error at the narrower width over error at the wider one: ρ of every bit between them.</summary>
    static double Ratio(int narrow, int wide) => Enumerable.Range(narrow + 1, wide - narrow).Aggregate(1.0, (product, bits) => product * ErrorRatios.Rho(bits));

    /// <summary>The choice of the next width on one side; −1 where there is none.</summary>
    static int Neighbour(AllocationProblem problem, int item, int bits, bool wider)
    {
        var choices = problem.Items[item].Choices;
        int nearest = -1;
        for (int i = 0; i < choices.Count; i++)
            if ((wider ? choices[i].Bits > bits : choices[i].Bits < bits) && (nearest < 0 || Math.Abs(choices[i].Bits - bits) < Math.Abs(choices[nearest].Bits - bits)))
                nearest = i;
        return nearest;
    }
}
