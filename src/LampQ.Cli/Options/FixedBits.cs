using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>One --bits-for: a width for one layer, or for every layer of a type.</summary>
/// <param name="Target">The layer's name or the type's word.</param>
/// <param name="Bits">2 to 8.</param>
sealed record FixedBits(string Target, int Bits)
{
    /// <summary>Reads NAME_OR_TYPE=BITS; the last '=' counts, because names may have one.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static FixedBits Parse(string text)
    {
        int equals = text.LastIndexOf('=');
        return equals > 0 && BitWidths.TryWidth(text[(equals + 1)..], out int bits)
            ? new FixedBits(text[..equals], bits)
            : throw new FormatException($"is '{text}'; expected a layer's name or type, '=', and 2 to 8 bits, such as head=8");
    }

    /// <summary>Checks that it names something, now that the model is known.</summary>
    /// <exception cref="CommandError">No layer has the name, and no type.</exception>
    public void Check(ModelStructure structure)
    {
        if (!structure.Names(Target))
            throw CommandError.Usage($"--bits-for names '{Target}', which is neither a layer of the model nor a type ({string.Join(", ", LayerTypes.Words)}). 'lampq inspect' lists the layers.");
    }
}
