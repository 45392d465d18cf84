using System.IO.Compression;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>
/// ML.NET's binary data format (.idv), as far as models use it: the schema of a model's input (no rows) and the table of MapValue (one block a column).
/// Annotations are left away.
/// </summary>
/// <remarks>A header of 256 bytes ("CML\0DVB\0", versions, places of contents and tail, rows, columns); deflated blocks; for each column a table of its blocks
/// (place, length, length unpacked); the contents (name, codec, compression, rows a block, place of the table, place of annotations); the tail.</remarks>
static class BinaryView
{
    const ulong Head = 0x00425644004C4D43, Tail = 0x434D4C0044564200, Version = 0x0001000100010006;
    const byte Deflate = 1;

    public static void Write(Stream stream, IDataView data)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(new byte[256]);
        var codecs = data.Schema.Select(c => ValueCodec.Of(c.Type) ?? throw new InvalidOperationException($"Could not get codec for requested column {c.Name} of type {c.Type}")).ToArray();
        long rows = 0;
        var blocks = new MemoryStream[codecs.Length];
        using (var cursor = data.GetRowCursor(data.Schema))
        {
            var writers = codecs.Select((c, i) => c.OpenWriter(cursor, data.Schema[i])).ToArray();
            for (; cursor.MoveNext(); rows++)
                foreach (var column in writers)
                    column.Add();
            for (int i = 0; i < blocks.Length; i++)
                writers[i].Commit(new BinaryWriter(blocks[i] = new MemoryStream()));
        }
        long[] tables = new long[codecs.Length];
        for (int i = 0; i < codecs.Length; i++)
        {
            long start = stream.Position;
            if (rows > 0)
                using (var packed = new DeflateStream(stream, CompressionLevel.Fastest, leaveOpen: true))
                    packed.Write(blocks[i].GetBuffer(), 0, (int)blocks[i].Length);
            long length = stream.Position - start;
            tables[i] = stream.Position;
            if (rows > 0)
            {
                writer.Write(start);
                writer.Write((int)length);
                writer.Write((int)blocks[i].Length);
            }
        }
        long contents = stream.Position;
        for (int i = 0; i < codecs.Length; i++)
        {
            writer.Write(data.Schema[i].Name);
            codecs[i].WriteTo(writer);
            writer.Write(Deflate);
            writer.Write7BitEncodedInt64(Math.Max(1, rows));
            writer.Write(tables[i]);
            writer.Write(0L);
        }
        long tail = stream.Position;
        writer.Write(Tail);
        stream.Position = 0;
        foreach (ulong number in (ReadOnlySpan<ulong>)[Head, Version, Version, (ulong)contents, (ulong)tail, (ulong)rows])
            writer.Write(number);
        writer.Write(codecs.Length);
    }

    /// <summary>Names, types, and the values of each column, in blocks.</summary>
    public static (DataViewSchema Schema, long Rows, IReadOnlyList<object> Columns) Read(byte[] file)
    {
        using var reader = new BinaryReader(new MemoryStream(file), Encoding.UTF8);
        if (reader.ReadUInt64() != Head)
            throw new FormatException("Not a binary data view: the signature is missing.");
        reader.BaseStream.Position = 24;
        long contents = reader.ReadInt64(), tail = reader.ReadInt64(), rows = reader.ReadInt64();
        int count = reader.ReadInt32();
        reader.BaseStream.Position = tail;
        if (reader.ReadUInt64() != Tail)
            throw new FormatException("Corrupt binary data view: the tail is missing.");
        reader.BaseStream.Position = contents;
        var builder = new DataViewSchema.Builder();
        var columns = new object[count];
        for (int i = 0; i < count; i++)
        {
            string name = reader.ReadString();
            var codec = ValueCodec.ReadFrom(reader);
            bool deflated = reader.ReadByte() == Deflate;
            long rowsPerBlock = reader.Read7BitEncodedInt64(), table = reader.ReadInt64();
            reader.ReadInt64();
            long next = reader.BaseStream.Position;
            builder.AddColumn(name, codec.Type);
            var items = codec.NewList();
            for (long row = 0, block = 0; row < rows; row += rowsPerBlock, block++)
            {
                reader.BaseStream.Position = table + block * 16;
                long start = reader.ReadInt64();
                int length = reader.ReadInt32();
                reader.ReadInt32();
                using Stream bytes = deflated ? new DeflateStream(new MemoryStream(file, (int)start, length), CompressionMode.Decompress) : new MemoryStream(file, (int)start, length);
                codec.Read(new BinaryReader(bytes, Encoding.UTF8), (int)Math.Min(rowsPerBlock, rows - row), items);
            }
            columns[i] = items;
            reader.BaseStream.Position = next;
        }
        return (builder.ToSchema(), rows, columns);
    }
}
