namespace LampQ.Quantization;

/// <summary>How much one allocation group minds each width.</summary>
/// <param name="Group">A layer, or the q, k and v of one block.</param>
/// <param name="Sensitivity">The one number reports show: Ω for Fisher metrics, the damage at the narrowest width offered for measured ones.</param>
/// <param name="Damage">What each width costs, in the metric's own unit; comparable between groups.</param>
public sealed record GroupSensitivity(string Group, double Sensitivity, IReadOnlyDictionary<int, double> Damage);

/// <summary>How much each allocation group minds being quantized.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Groups">One entry a group, along the data.</param>
public sealed record SensitivityProfile(string Metric, IReadOnlyList<GroupSensitivity> Groups);
