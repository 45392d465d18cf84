namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class QuantizationOptionsTests
{
    [TestMethod]
    public void Validate_Defaults_Pass() => new QuantizationOptions().Validate();

    static IReadOnlyDictionary<string, (QuantizationOptions Options, string[] Says)> Wrong => new Dictionary<string, (QuantizationOptions, string[])>
    {
        ["no bits"] = (new() { Bits = [] }, ["Bits", "2 and 8"]),
        ["1 bit"] = (new() { Bits = [1, 4] }, ["[1,4]", "2 and 8"]),
        ["9 bits"] = (new() { Bits = [4, 9] }, ["[4,9]"]),
        ["a width twice"] = (new() { Bits = [4, 4] }, ["different widths"]),
        ["target too low"] = (new() { TargetBits = 0 }, ["TargetBits is 0", "1 to 8"]),
        ["target too high"] = (new() { TargetBits = 9 }, ["TargetBits is 9"]),
        ["target not a number"] = (new() { TargetBits = double.NaN }, ["TargetBits"]),
        ["no size"] = (new() { MaxSizeInBytes = 0 }, ["MaxSizeInBytes", "positive"]),
        ["uniform of 1 bit"] = (new() { UniformBits = 1 }, ["UniformBits is 1", "2 to 8"]),
        ["attention of 9 bits"] = (new() { AttentionBits = 9 }, ["AttentionBits is 9", "2 to 8"]),
        ["a layer of 16 bits"] = (new() { BitsFor = new Dictionary<string, int> { ["head"] = 16 } }, ["'head' is 16"]),
        ["no image"] = (new() { SensitivityImages = 0 }, ["SensitivityImages is 0"]),
        ["negative steps"] = (new() { RefinementSteps = -1 }, ["RefinementSteps is -1"]),
        ["no batch"] = (new() { Run = new() { BatchSize = 0 } }, ["BatchSize is 0"]),
        ["a size for one width"] = (new() { Method = AllocationMethod.Uniform, MaxSizeInBytes = 1000 }, ["MaxSizeInBytes", "'uniform'", "the same"]),
        ["operations for one width"] = (new() { Method = AllocationMethod.Uniform, MaxBitOperations = 1000 }, ["MaxBitOperations", "the same"]),
        ["latency for one width"] = (new() { Method = AllocationMethod.Uniform, MaxLatencyInMilliseconds = 1 }, ["MaxLatencyInMilliseconds", "the same"]),
        ["Fisher beta"] = (new() { Fisher = new() { Beta = 1 } }, ["β is 1"]),
        ["Fisher draws"] = (new() { Fisher = new() { Draws = 0 } }, ["draws are 0"]),
        ["Fisher mu"] = (new() { Fisher = new() { Mu = 0 } }, ["μ is 0"]),
        ["Fisher gamma"] = (new() { Fisher = new() { Gamma = 1 } }, ["γ is 1", "above 1"]),
    };

    [TestMethod]
    public void ChosenAttentionBits_NoneGiven_AreTheTargetsInThePaperProfileOnly()
    {
        var paper = new QuantizationOptions { Profile = QuantizationProfile.Paper };
        Assert.AreEqual(8, new QuantizationOptions().ChosenAttentionBits);
        Assert.AreEqual(4, paper.ChosenAttentionBits);
        Assert.AreEqual(3, (paper with { TargetBits = 3.2 }).ChosenAttentionBits);
        Assert.AreEqual(2, (paper with { TargetBits = 1.2 }).ChosenAttentionBits);
        Assert.AreEqual(6, (paper with { Method = AllocationMethod.Uniform, UniformBits = 6 }).ChosenAttentionBits);
        Assert.AreEqual(8, (paper with { MaxSizeInBytes = 1000 }).ChosenAttentionBits);
        Assert.AreEqual(5, (paper with { AttentionBits = 5 }).ChosenAttentionBits);
    }

    public static IEnumerable<object[]> Names => Wrong.Keys.Select(n => new object[] { n });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Validate_OutOfRange_NamesTheOptionWhatWasFoundAndWhatIsExpected(string name)
    {
        var (options, says) = Wrong[name];
        var error = Assert.ThrowsExactly<ArgumentException>(options.Validate);
        foreach (string part in says)
            StringAssert.Contains(error.Message, part);
    }
}
