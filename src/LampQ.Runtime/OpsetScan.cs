namespace LampQ.Runtime;

/// <summary>Finds the version of an operator domain in an ONNX file without reading its graph: only the top-level fields of the protobuf message are walked.</summary>
static class OpsetScan
{
    const int opsetImport = 8, domainField = 1, versionField = 2;

    /// <summary>The version the file imports, or null where it does not import the domain, or is no protobuf message; what reads the file then says so.</summary>
    /// <param name="file">A stream that can seek, at the start of the message.</param>
    /// <param name="domain">The domain.</param>
    public static long? VersionOf(Stream file, string domain)
    {
        while (Varint(file) is { } tag)
        {
            if ((tag & 7) != 2)
            {
                if (!Skip(file, (int)(tag & 7)))
                    return null;
                continue;
            }
            if (Varint(file) is not { } length || length > (ulong)(file.Length - file.Position))
                return null;
            if (tag >> 3 != opsetImport)
            {
                file.Seek((long)length, SeekOrigin.Current);
                continue;
            }
            var import = new byte[length];
            file.ReadExactly(import);
            if (Read(new MemoryStream(import)) is var (name, version) && name == domain)
                return version;
        }
        return null;
    }

    static (string Domain, long Version)? Read(MemoryStream import)
    {
        string domain = "";
        long version = 0;
        while (Varint(import) is { } tag)
        {
            if (tag == (versionField << 3) && Varint(import) is { } number)
                version = (long)number;
            else if (tag == (domainField << 3 | 2) && Varint(import) is { } length && length <= (ulong)(import.Length - import.Position))
            {
                var text = new byte[length];
                import.ReadExactly(text);
                domain = System.Text.Encoding.UTF8.GetString(text);
            }
            else
                return null;
        }
        return (domain, version);
    }

    static bool Skip(Stream file, int wireType)
    {
        switch (wireType)
        {
            case 0: return Varint(file) is not null;
            case 1: file.Seek(8, SeekOrigin.Current); return true;
            case 5: file.Seek(4, SeekOrigin.Current); return true;
            default: return false;
        }
    }

    static ulong? Varint(Stream file)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = file.ReadByte();
            if (next < 0)
                return null;
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        return null;
    }
}
