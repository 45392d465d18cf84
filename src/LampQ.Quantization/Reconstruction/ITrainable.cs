using System.Runtime.InteropServices;

namespace LampQ.Quantization;

/// <summary>Numbers that a graph takes as an input and that are trained, as far as they can be kept and brought back.</summary>
interface ITrainable
{
    /// <summary>Name of the graph input.</summary>
    string Input { get; }

    /// <summary>Writes where it stands.</summary>
    void Write(BinaryWriter writer);

    /// <summary>Goes where <see cref="Write"/> stood.</summary>
    void Read(BinaryReader reader);
}

/// <summary>Keeps trained numbers as bytes: the best look, and what <see cref="TrainingFile"/> holds.</summary>
static class TrainingState
{
    /// <summary>Where some numbers stand.</summary>
    public static byte[] Of(IEnumerable<ITrainable> trained)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        foreach (var one in trained)
            one.Write(writer);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Brings the same numbers back to where they stood.</summary>
    public static void Restore(byte[] state, IEnumerable<ITrainable> trained)
    {
        using var reader = new BinaryReader(new MemoryStream(state));
        foreach (var one in trained)
            one.Read(reader);
    }

    /// <summary>Writes floats as they lie in memory.</summary>
    public static void WriteFloats(this BinaryWriter writer, ReadOnlySpan<float> values) => writer.Write(MemoryMarshal.AsBytes(values));

    /// <summary>Reads as many floats as there is room for.</summary>
    public static void ReadFloats(this BinaryReader reader, Span<float> values) => reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values));

    /// <summary>Writes looks.</summary>
    public static void WriteLooks(this BinaryWriter writer, IReadOnlyList<ReconstructionLook> looks)
    {
        writer.Write(looks.Count);
        foreach (var look in looks)
        {
            writer.Write(look.Step);
            writer.Write(look.MeanKl);
        }
    }

    /// <summary>Reads looks.</summary>
    public static IReadOnlyList<ReconstructionLook> ReadLooks(this BinaryReader reader) =>
        [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => new ReconstructionLook(reader.ReadInt32(), reader.ReadDouble()))];
}
