using System.Text;

namespace LampQ.Transforms;

/// <summary>What way B saves of a step: the model, how many outputs are computed, and on how many threads.</summary>
sealed record StepState(byte[] Model, int Outputs, int Threads)
{
    const uint Signature = 0x51504D4C, Version = 1;

    public byte[] ToBytes()
    {
        var stream = new MemoryStream(Model.Length + 32);
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Signature);
        writer.Write(Version);
        writer.Write(Outputs);
        writer.Write(Threads);
        writer.Write(Model.Length);
        writer.Write(Model);
        return stream.ToArray();
    }

    /// <exception cref="InvalidDataException">These are no bytes of a step, or of a newer version.</exception>
    public static StepState OfBytes(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        if (bytes.Length < 20 || reader.ReadUInt32() != Signature)
            throw new InvalidDataException("These bytes are not a saved LampQ step.");
        if (reader.ReadUInt32() is > Version and var version)
            throw new InvalidDataException($"The saved LampQ step has version {version}; this LampQ reads {Version}. Use a newer one.");
        int outputs = reader.ReadInt32(), threads = reader.ReadInt32(), length = reader.ReadInt32();
        byte[] model = reader.ReadBytes(length);
        return model.Length == length ? new StepState(model, outputs, threads) : throw new InvalidDataException("The saved LampQ step is cut short.");
    }
}
