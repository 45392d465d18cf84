using System.Text;

namespace Microsoft.ML;

/// <summary>
/// The frame of every Model.key: 256 bytes of offsets and names, the payload, a table of the strings it names by number, and the assembly that reads it.
/// </summary>
/// <remarks>Offsets in bytes: 0x00 "ML\0MODEL"; 0x08 and 0x0C versions; 0x10 payload; 0x20 ends of strings; 0x30 characters of strings; 0x40 model signature;
/// 0x48 and 0x4C model versions; 0x50 loader name; 0x80 tail; 0x88 end; 0x90 assembly name. Every position is followed by a length.</remarks>
static class ModelHeader
{
    const int Size = 256;
    const ulong Head = 0x4C45444F4D004C4D, Tail = 0x4D4C004D4F44454C;
    const uint Version = 0x00010002;

    public static byte[] Write(byte[] payload, IReadOnlyList<string> strings, VersionInfo version)
    {
        var stream = new MemoryStream();
        var writer = new BinaryWriter(stream);
        writer.Write(new byte[Size]);
        writer.Write(payload);
        long table = 0, characters = 0, tableLength = 0, charactersLength = 0;
        if (strings.Count > 0)
        {
            table = stream.Position;
            long end = 0;
            foreach (string text in strings)
                writer.Write(end += text.Length * sizeof(char));
            (tableLength, characters, charactersLength) = (strings.Count * sizeof(long), stream.Position, end);
            foreach (string text in strings)
                writer.Write(Encoding.Unicode.GetBytes(text));
        }
        long assembly = stream.Position;
        byte[] assemblyName = Encoding.Unicode.GetBytes(version.LoaderAssembly);
        writer.Write(assemblyName);
        long tail = stream.Position;
        writer.Write(Tail);
        long limit = stream.Position;

        stream.Position = 0;
        writer.Write(Head);
        writer.Write(Version);
        writer.Write(Version);
        foreach (long number in (ReadOnlySpan<long>)[Size, payload.Length, table, tableLength, characters, charactersLength])
            writer.Write(number);
        writer.Write(Fixed(version.ModelSignature, 8));
        writer.Write(version.Written);
        writer.Write(version.Readable);
        writer.Write(Fixed(version.LoaderSignature, 24));
        writer.Write(Fixed(version.LoaderSignatureAlt, 24));
        foreach (long number in (ReadOnlySpan<long>)[tail, limit, assembly])
            writer.Write(number);
        writer.Write((uint)assemblyName.Length);
        return stream.ToArray();
    }

    public static (byte[] Payload, string[] Strings, VersionInfo Version) Read(byte[] file)
    {
        if (file.Length < Size || BitConverter.ToUInt64(file, 0) != Head)
            throw new FormatException("Wrong file type: no model header.");
        if (BitConverter.ToUInt32(file, 0x0C) > Version)
            throw new FormatException("File is too new.");
        long At(int offset) => BitConverter.ToInt64(file, offset);
        byte[] Slice(int offset) => file.AsSpan(checked((int)At(offset)), checked((int)At(offset + 8))).ToArray();
        string Name(int offset, int length) => Encoding.Latin1.GetString(file, offset, length).TrimEnd('\0');

        if (BitConverter.ToUInt64(file, checked((int)At(0x80))) != Tail)
            throw new FormatException("Corrupt model file tail.");
        byte[] table = Slice(0x20), characters = Slice(0x30);
        var strings = new string[table.Length / sizeof(long)];
        int start = 0;
        for (int i = 0; i < strings.Length; i++)
        {
            int end = checked((int)BitConverter.ToInt64(table, i * sizeof(long)));
            strings[i] = Encoding.Unicode.GetString(characters, start, end - start);
            start = end;
        }
        string assembly = Encoding.Unicode.GetString(file, checked((int)At(0x90)), BitConverter.ToInt32(file, 0x98));
        return (Slice(0x10), strings, new VersionInfo(Name(0x40, 8), BitConverter.ToUInt32(file, 0x48), BitConverter.ToUInt32(file, 0x4C), Name(0x50, 24), assembly, Name(0x68, 24)));
    }

    static byte[] Fixed(string text, int length)
    {
        byte[] bytes = new byte[length];
        // ML.NET compares eight bytes, in which a space stands as zero.
        Encoding.Latin1.GetBytes(text.Replace(' ', '\0'), bytes);
        return bytes;
    }
}

/// <summary>What a component writes, and who reads it.</summary>
sealed record VersionInfo(string ModelSignature, uint Written, uint Readable, string LoaderSignature, string LoaderAssembly, string LoaderSignatureAlt = "")
{
    /// <summary>The full name ML.NET's own assemblies have, so that its files and these agree.</summary>
    public static string Official(string assembly) => $"{assembly}, Version=1.0.0.0, Culture=neutral, PublicKeyToken=cc7b13ffcd2ddd51";
}
