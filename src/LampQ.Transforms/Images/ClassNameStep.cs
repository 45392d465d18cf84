using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace LampQ.Transforms;

/// <summary>Names the class with the highest score, the first of equal ones.</summary>
static class ClassNameStep
{
    public const string Contract = "LampQ.ClassName", Source = "LampQ.Scores", Result = "LampQ.ClassName";

    public static void Map(ClassScores source, ClassName target)
    {
        string[] names = Settings<string[]>.Of(source.State, Read);
        float[] scores = source.Scores ?? [];
        if (scores.Length != names.Length)
            throw new InvalidOperationException($"A row has {scores.Length} scores for {names.Length} class names; expected one each.");
        target.Name = names[Array.IndexOf(scores, scores.Max())];
    }

    public static string Write(IReadOnlyList<string> names) => JsonSerializer.Serialize(names);

    static string[] Read(string text) => JsonSerializer.Deserialize<string[]>(text) ?? throw new InvalidDataException("The saved class names are missing.");
}

/// <summary>Scores of a row and the names of the classes. Part of the file format, and public because ML.NET makes it.</summary>
public sealed class ClassScores
{
    /// <summary>The names as text.</summary>
    [ColumnName(Helper.State)]
    public ReadOnlyMemory<char> State { get; set; }

    /// <summary>One a class.</summary>
    [ColumnName(ClassNameStep.Source)]
    public float[]? Scores { get; set; } = [];
}

/// <summary>The class of a row. Part of the file format, and public because ML.NET makes it.</summary>
public sealed class ClassName
{
    /// <summary>Its name.</summary>
    [ColumnName(ClassNameStep.Result)]
    public string Name { get; set; } = "";
}

/// <summary>Finds the step after loading.</summary>
[CustomMappingFactoryAttribute(ClassNameStep.Contract)]
public sealed class ClassNameFactory : CustomMappingFactory<ClassScores, ClassName>
{
    /// <inheritdoc/>
    public override Action<ClassScores, ClassName> GetMapping() => ClassNameStep.Map;
}
