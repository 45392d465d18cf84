namespace LampQ.Solver;

/// <summary>A limit that the total size of an allocation must not exceed.</summary>
/// <param name="Name">What is limited, as reports print it: "size", "latency".</param>
/// <param name="Unit">The unit of <paramref name="Limit"/> and of every size counted against it: "bits", "bytes", "microseconds".</param>
/// <param name="Limit">
/// The largest total allowed. It may be below what is reachable, even negative (a file limit minus the parts that
/// stay in float can be): that is an infeasible problem, which a solver answers, not a malformed one.
/// </param>
public sealed record Budget(string Name, string Unit, long Limit);
