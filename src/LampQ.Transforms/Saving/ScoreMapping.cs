using Microsoft.ML.Transforms;

namespace LampQ.Transforms;

/// <summary>Contracts of the saved custom mappings: part of the file format.</summary>
static class Contracts
{
    public const string Key = "LampQ.Key", Pieces = "LampQ.Pieces";
    public const string Score1 = "LampQ.Score.1", Score2 = "LampQ.Score.2", Score3 = "LampQ.Score.3", Score4 = "LampQ.Score.4";
}

/// <summary>What the saved custom mappings do.</summary>
static class ScoreMapping
{
    public static void Key(NoColumns source, KeyColumn target) => target.Key = Helper.KeyValue.AsMemory();

    public static void Score(ScoreInputs1 source, ScoreOutputs target)
    {
        var outputs = CarriedModel.Of(source.State).Run(source.All);
        target.Output0 = outputs[0];
        target.Output1 = outputs.Length > 1 ? outputs[1] : [];
        target.Output2 = outputs.Length > 2 ? outputs[2] : [];
        target.Output3 = outputs.Length > 3 ? outputs[3] : [];
    }

    public static void Cut(WholeVector source, VectorPieces target) => target.Set(source.Value);
}

/// <summary>Finds <see cref="ScoreMapping.Key"/> after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Key)]
public sealed class KeyFactory : CustomMappingFactory<NoColumns, KeyColumn>
{
    /// <inheritdoc/>
    public override Action<NoColumns, KeyColumn> GetMapping() => ScoreMapping.Key;
}

/// <summary>Finds <see cref="ScoreMapping.Cut"/> after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Pieces)]
public sealed class PiecesFactory : CustomMappingFactory<WholeVector, VectorPieces>
{
    /// <inheritdoc/>
    public override Action<WholeVector, VectorPieces> GetMapping() => ScoreMapping.Cut;
}

/// <summary>Finds the scoring of one input after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Score1)]
public sealed class ScoreFactory1 : CustomMappingFactory<ScoreInputs1, ScoreOutputs>
{
    /// <inheritdoc/>
    public override Action<ScoreInputs1, ScoreOutputs> GetMapping() => ScoreMapping.Score;
}

/// <summary>Finds the scoring of two inputs after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Score2)]
public sealed class ScoreFactory2 : CustomMappingFactory<ScoreInputs2, ScoreOutputs>
{
    /// <inheritdoc/>
    public override Action<ScoreInputs2, ScoreOutputs> GetMapping() => ScoreMapping.Score;
}

/// <summary>Finds the scoring of three inputs after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Score3)]
public sealed class ScoreFactory3 : CustomMappingFactory<ScoreInputs3, ScoreOutputs>
{
    /// <inheritdoc/>
    public override Action<ScoreInputs3, ScoreOutputs> GetMapping() => ScoreMapping.Score;
}

/// <summary>Finds the scoring of four inputs after loading.</summary>
[CustomMappingFactoryAttribute(Contracts.Score4)]
public sealed class ScoreFactory4 : CustomMappingFactory<ScoreInputs4, ScoreOutputs>
{
    /// <inheritdoc/>
    public override Action<ScoreInputs4, ScoreOutputs> GetMapping() => ScoreMapping.Score;
}
