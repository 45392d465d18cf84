using Microsoft.ML.Data;

namespace LampQ.Transforms;

// The columns of way B's steps. The classes and contract names are part of the file format: what is saved is read by them. ML.NET makes them, so they are public.

/// <summary>Names of the helper columns of <see cref="SaveFormat.Mapping"/>, which exist inside the saved step only.</summary>
static class Helper
{
    public const string Key = "LampQ.Key", State = "LampQ.State", Value = "LampQ.Value", KeyValue = "model";
    public const string Input0 = "LampQ.In0", Input1 = "LampQ.In1", Input2 = "LampQ.In2", Input3 = "LampQ.In3";
    public const string Output0 = "LampQ.Out0", Output1 = "LampQ.Out1", Output2 = "LampQ.Out2", Output3 = "LampQ.Out3";

    public static readonly string[] Inputs = [Input0, Input1, Input2, Input3], Outputs = [Output0, Output1, Output2, Output3];

    public static string Piece(int power) => $"LampQ.P{power}";
}

/// <summary>No column.</summary>
public sealed class NoColumns;

/// <summary>The key the model is looked up by.</summary>
public sealed class KeyColumn
{
    /// <summary>The same for every row.</summary>
    [ColumnName(Helper.Key)]
    public ReadOnlyMemory<char> Key { get; set; }
}

/// <summary>The model as text, and one input.</summary>
public class ScoreInputs1
{
    /// <summary>The model (StateText).</summary>
    [ColumnName(Helper.State)]
    public ReadOnlyMemory<char> State { get; set; }

    /// <summary>Values of the first input.</summary>
    [ColumnName(Helper.Input0)]
    public float[] Input0 { get; set; } = [];

    internal virtual IReadOnlyList<float[]> All => [Input0];
}

/// <summary>Two inputs.</summary>
public class ScoreInputs2 : ScoreInputs1
{
    /// <summary>Values of the second input.</summary>
    [ColumnName(Helper.Input1)]
    public float[] Input1 { get; set; } = [];

    internal override IReadOnlyList<float[]> All => [Input0, Input1];
}

/// <summary>Three inputs.</summary>
public class ScoreInputs3 : ScoreInputs2
{
    /// <summary>Values of the third input.</summary>
    [ColumnName(Helper.Input2)]
    public float[] Input2 { get; set; } = [];

    internal override IReadOnlyList<float[]> All => [Input0, Input1, Input2];
}

/// <summary>Four inputs.</summary>
public sealed class ScoreInputs4 : ScoreInputs3
{
    /// <summary>Values of the fourth input.</summary>
    [ColumnName(Helper.Input3)]
    public float[] Input3 { get; set; } = [];

    internal override IReadOnlyList<float[]> All => [Input0, Input1, Input2, Input3];
}

/// <summary>Up to four outputs; those a model does not have stay empty.</summary>
public sealed class ScoreOutputs
{
    /// <summary>Values of the first output.</summary>
    [ColumnName(Helper.Output0)]
    public float[] Output0 { get; set; } = [];

    /// <summary>Values of the second output.</summary>
    [ColumnName(Helper.Output1)]
    public float[] Output1 { get; set; } = [];

    /// <summary>Values of the third output.</summary>
    [ColumnName(Helper.Output2)]
    public float[] Output2 { get; set; } = [];

    /// <summary>Values of the fourth output.</summary>
    [ColumnName(Helper.Output3)]
    public float[] Output3 { get; set; } = [];
}
