namespace LampQ.Solver;

/// <summary>One line of an item's menu: a bit-width, the damage it does and what it costs.</summary>
/// <param name="Bits">Bits per weight.</param>
/// <param name="Damage">What the model loses when the item gets this width. Any finite number up to ±1e200: zero, negative and non-monotone in bits are all fine.</param>
/// <param name="Sizes">One non-negative size for each budget of the problem, in the budget's unit and order.</param>
public sealed record Choice(int Bits, double Damage, IReadOnlyList<long> Sizes);
