using System.Buffers.Binary;
using System.IO.Compression;

namespace LampQ.Quantization.Tests;

/// <summary>Small pictures and folders for tests.</summary>
static class TestImages
{
    /// <summary>Writes an 8-bit RGB PNG by the PNG specification, so that tests do not need an encoder.</summary>
    internal static byte[] Png(int width, int height, ReadOnlySpan<byte> rgb)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR"u8, Header(width, height, 8, 2));
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(rgb.Slice(3 * width * y, 3 * width));
            }
        }
        WriteChunk(file, "IDAT"u8, data.ToArray());
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    /// <summary>A PNG whose header claims a size that its data do not have.</summary>
    internal static byte[] PngBomb(int width, int height)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR"u8, Header(width, height, 8, 2));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    /// <summary>A picture of one colour.</summary>
    internal static byte[] Plain(int width, int height, byte red, byte green, byte blue)
    {
        var rgb = new byte[3 * width * height];
        for (var i = 0; i < rgb.Length; i += 3) (rgb[i], rgb[i + 1], rgb[i + 2]) = (red, green, blue);
        return Png(width, height, rgb);
    }

    static byte[] Header(int width, int height, byte depth, byte color)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (depth, color);
        return header;
    }

    static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32([.. type, .. data]));
        file.Write(number);
    }

    static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}

/// <summary>A folder that disappears after the test.</summary>
sealed class TestFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("lampq-test-").FullName;

    internal string this[string name] => System.IO.Path.Combine(Path, name);

    internal string Write(string name, byte[] content)
    {
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    internal string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>The real images beside the repository, see shared/data/README.md; absent on most machines.</summary>
static class SharedImages
{
    /// <summary>A folder of the shared data; without it the test is skipped.</summary>
    internal static string Folder(string name)
    {
        var data = Environment.GetEnvironmentVariable("LAMPQ_DATA");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); data is null && folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LampQ.MLNet.sln"))) data = Path.Combine(folder.FullName, "..", "shared", "data");
        }
        var path = Path.Combine(data ?? "", name);
        if (!Directory.Exists(path)) Assert.Inconclusive($"Needs ../shared/data/{name} beside the repository, or LAMPQ_DATA.");
        return path;
    }
}
