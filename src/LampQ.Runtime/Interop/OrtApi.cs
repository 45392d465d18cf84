using System.Runtime.InteropServices;
using System.Text;

namespace LampQ.Runtime;

/// <summary>
/// The functions of ONNX Runtime's C API that operators need, called through its table. A table only grows, so a slot has the same
/// meaning in every later version; the numbers are the positions of the members of <c>struct OrtApi</c> in onnxruntime_c_api.h.
/// </summary>
readonly unsafe struct OrtApi
{
    /// <summary>The oldest C API that has every slot below: ONNX Runtime 1.18.</summary>
    public const uint Version = 18;

    readonly void** table;

    OrtApi(void* table) => this.table = (void**)table;

    /// <summary>The table that ONNX Runtime handed to a callback.</summary>
    public static OrtApi At(void* table) => new(table);

    /// <summary>Asks for the table.</summary>
    /// <param name="getApi"><c>OrtApiBase.GetApi</c>.</param>
    /// <exception cref="NotSupportedException">This ONNX Runtime is older than 1.18.</exception>
    public static OrtApi Get(delegate* unmanaged[Cdecl]<uint, void*> getApi)
    {
        void* table = getApi(Version);
        return table is not null
            ? new OrtApi(table)
            : throw new NotSupportedException($"This ONNX Runtime is older than 1.{Version}, which has what LampQ's operators need. Use a later one.");
    }

    /// <summary>The same table, for code that has no context to get it from.</summary>
    public void* Table => table;

    /// <summary>Throws what a status says and frees it; a null status is success.</summary>
    /// <exception cref="OrtException">The status is an error.</exception>
    public void Check(nint status)
    {
        if (status != 0)
            throw new OrtException(Take(status));
    }

    /// <summary>Makes a status, which whoever receives it frees.</summary>
    public nint CreateStatus(OrtErrorCode code, string message)
    {
        fixed (byte* text = Utf8(message))
            return ((delegate* unmanaged[Cdecl]<OrtErrorCode, byte*, nint>)table[0])(code, text);
    }

    public nint CreateDomain(byte* name)
    {
        nint domain;
        Check(((delegate* unmanaged[Cdecl]<byte*, nint*, nint>)table[26])(name, &domain));
        return domain;
    }

    public void AddToDomain(nint domain, OrtCustomOp* operation) => Check(((delegate* unmanaged[Cdecl]<nint, OrtCustomOp*, nint>)table[27])(domain, operation));

    public void AddDomainToOptions(nint options, nint domain) => Check(((delegate* unmanaged[Cdecl]<nint, nint, nint>)table[28])(options, domain));

    /// <summary>Data of a tensor; null or meaningless when it has no elements.</summary>
    public void* Data(nint value)
    {
        void* data;
        Check(((delegate* unmanaged[Cdecl]<nint, void**, nint>)table[51])(value, &data));
        return data;
    }

    /// <summary>Type and shape of a tensor, to be given to <see cref="ReleaseTensorInfo"/>.</summary>
    public nint TensorInfo(nint value)
    {
        nint info;
        Check(((delegate* unmanaged[Cdecl]<nint, nint*, nint>)table[65])(value, &info));
        return info;
    }

    /// <summary>An empty type and shape, to be given to <see cref="ReleaseTensorInfo"/>.</summary>
    public nint CreateTensorInfo()
    {
        nint info;
        Check(((delegate* unmanaged[Cdecl]<nint*, nint>)table[57])(&info));
        return info;
    }

    public void ReleaseTensorInfo(nint info) => ((delegate* unmanaged[Cdecl]<nint, void>)table[99])(info);

    public int ElementType(nint info)
    {
        int type;
        Check(((delegate* unmanaged[Cdecl]<nint, int*, nint>)table[60])(info, &type));
        return type;
    }

    public long[] Dimensions(nint info)
    {
        nuint rank;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint*, nint>)table[61])(info, &rank));
        // No operator of ours takes more dimensions than a handful; whoever gives more gets an array.
        Span<long> dimensions = rank <= 16 ? stackalloc long[(int)rank] : new long[(int)rank];
        fixed (long* d = dimensions)
            Check(((delegate* unmanaged[Cdecl]<nint, long*, nuint, nint>)table[62])(info, d, rank));
        return KnownShapes.Of(dimensions);
    }

    /// <summary>Names of the dimensions, empty where one has a number or nothing.</summary>
    public string[] DimensionNames(nint info, int rank)
    {
        byte** texts = stackalloc byte*[Math.Max(rank, 1)];
        Check(((delegate* unmanaged[Cdecl]<nint, byte**, nuint, nint>)table[63])(info, texts, (nuint)rank));
        var names = new string[rank];
        for (int i = 0; i < rank; i++)
            names[i] = Marshal.PtrToStringUTF8((nint)texts[i]) ?? "";
        return names;
    }

    public void SetTensorInfo(nint info, int elementType, ReadOnlySpan<long> dimensions, ReadOnlySpan<string> names)
    {
        Check(((delegate* unmanaged[Cdecl]<nint, int, nint>)table[58])(info, elementType));
        fixed (long* d = dimensions)
            Check(((delegate* unmanaged[Cdecl]<nint, long*, nuint, nint>)table[59])(info, d, (nuint)dimensions.Length));
        byte** texts = stackalloc byte*[Math.Max(names.Length, 1)];
        for (int i = 0; i < names.Length; i++)
            texts[i] = (byte*)Marshal.StringToCoTaskMemUTF8(names[i]);
        try
        {
            Check(((delegate* unmanaged[Cdecl]<nint, byte**, nuint, nint>)table[271])(info, texts, (nuint)names.Length));
        }
        finally
        {
            for (int i = 0; i < names.Length; i++)
                Marshal.FreeCoTaskMem((nint)texts[i]);
        }
    }

    public string NodeName(nint node) => Text((delegate* unmanaged[Cdecl]<nint, byte*, nuint*, nint>)table[244], node);

    public int NodeInputCount(nint node)
    {
        nuint count;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint*, nint>)table[230])(node, &count));
        return (int)count;
    }

    /// <summary>Name of the value at an input; empty for one that is left out.</summary>
    public string NodeInputName(nint node, int index)
    {
        var call = (delegate* unmanaged[Cdecl]<nint, nuint, byte*, nuint*, nint>)table[232];
        nuint size = 0;
        Check(call(node, (nuint)index, null, &size));
        var bytes = new byte[Math.Max((int)size, 1)];
        fixed (byte* text = bytes)
            Check(call(node, (nuint)index, text, &size));
        return Encoding.UTF8.GetString(bytes, 0, (int)size - 1);
    }

    /// <summary>The tensor of an initializer, which lives as long as the session; 0 where the input is computed.</summary>
    public nint NodeConstant(nint node, int index)
    {
        int isConstant = 0;
        nint value = 0;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint, int*, nint*, nint>)table[249])(node, (nuint)index, &isConstant, &value));
        return isConstant != 0 ? value : 0;
    }

    public bool TryAttribute(nint node, string name, out long value) => Found(Scalar((delegate* unmanaged[Cdecl]<nint, byte*, long*, nint>)table[86], node, name, out value), node, name);

    public bool TryAttribute(nint node, string name, out float value) => Found(Scalar((delegate* unmanaged[Cdecl]<nint, byte*, float*, nint>)table[85], node, name, out value), node, name);

    public bool TryAttribute(nint node, string name, out float[] value) => Found(List((delegate* unmanaged[Cdecl]<nint, byte*, float*, nuint*, nint>)table[162], node, name, out value), node, name);

    public bool TryAttribute(nint node, string name, out long[] value) => Found(List((delegate* unmanaged[Cdecl]<nint, byte*, long*, nuint*, nint>)table[163], node, name, out value), node, name);

    public bool TryAttribute(nint node, string name, out string value)
    {
        bool found = Found(List((delegate* unmanaged[Cdecl]<nint, byte*, byte*, nuint*, nint>)table[87], node, name, out var bytes), node, name);
        value = Encoding.UTF8.GetString(bytes.AsSpan().TrimEnd((byte)0));
        return found;
    }

    /// <summary>The tensor at an input of a run; 0 where it is left out.</summary>
    public nint Input(nint context, int index)
    {
        nint value;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint>)table[90])(context, (nuint)index, &value));
        return value;
    }

    /// <summary>Allocates an output of a run.</summary>
    public nint Output(nint context, int index, ReadOnlySpan<long> shape)
    {
        nint value;
        fixed (long* dimensions = shape)
            Check(((delegate* unmanaged[Cdecl]<nint, nuint, long*, nuint, nint*, nint>)table[91])(context, (nuint)index, dimensions, (nuint)shape.Length, &value));
        return value;
    }

    /// <summary>Calls <paramref name="body"/> for 0 to <paramref name="count"/> − 1 on the threads of the session, this one included, and returns when all are done.</summary>
    public void ParallelFor(nint context, delegate* unmanaged[Cdecl]<void*, nuint, void> body, int count, void* state) =>
        Check(((delegate* unmanaged[Cdecl]<nint, delegate* unmanaged[Cdecl]<void*, nuint, void>, nuint, nuint, void*, nint>)table[274])(context, body, (nuint)count, 0, state));

    public int ShapeInputCount(nint context)
    {
        nuint count;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint*, nint>)table[267])(context, &count));
        return (int)count;
    }

    /// <summary>Type and shape of an input as far as the graph tells; the context owns it.</summary>
    public nint ShapeInput(nint context, int index)
    {
        nint info;
        Check(((delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint>)table[268])(context, (nuint)index, &info));
        return info;
    }

    public bool TryShapeAttribute(nint context, string name, out long value)
    {
        const int IntegerAttribute = 1;
        long found = 0;
        nint attribute;
        nuint size;
        fixed (byte* text = Utf8(name))
            if (!Succeeded(((delegate* unmanaged[Cdecl]<nint, byte*, nint*, nint>)table[269])(context, text, &attribute)))
            {
                value = 0;
                return false;
            }
        Check(((delegate* unmanaged[Cdecl]<nint, int, void*, nuint, nuint*, nint>)table[272])(attribute, IntegerAttribute, &found, sizeof(long), &size));
        value = found;
        return true;
    }

    public void SetShapeOutput(nint context, int index, nint info) => Check(((delegate* unmanaged[Cdecl]<nint, nuint, nint, nint>)table[270])(context, (nuint)index, info));

    nint Scalar<T>(delegate* unmanaged[Cdecl]<nint, byte*, T*, nint> call, nint node, string name, out T value) where T : unmanaged
    {
        T found = default;
        fixed (byte* text = Utf8(name))
        {
            nint status = call(node, text, &found);
            value = found;
            return status;
        }
    }

    nint List<T>(delegate* unmanaged[Cdecl]<nint, byte*, T*, nuint*, nint> call, nint node, string name, out T[] value) where T : unmanaged
    {
        value = [];
        nuint size = 0;
        fixed (byte* text = Utf8(name))
        {
            nint status = call(node, text, null, &size);
            if (status != 0 || size == 0)
                return status;
            value = new T[(int)size];
            fixed (T* elements = value)
                return call(node, text, elements, &size);
        }
    }

    string Text(delegate* unmanaged[Cdecl]<nint, byte*, nuint*, nint> call, nint owner)
    {
        nuint size = 0;
        Check(call(owner, null, &size));
        var bytes = new byte[Math.Max((int)size, 1)];
        fixed (byte* text = bytes)
            Check(call(owner, text, &size));
        return Encoding.UTF8.GetString(bytes.AsSpan().TrimEnd((byte)0));
    }

    // A status says "absent" and "of another type" in words only. Taking one for the other would read a default where the file says something else.
    bool Found(nint status, nint node, string name)
    {
        if (Succeeded(status))
            return true;
        return Succeeded(Scalar((delegate* unmanaged[Cdecl]<nint, byte*, long*, nint>)table[86], node, name, out _))
            || Succeeded(Scalar((delegate* unmanaged[Cdecl]<nint, byte*, float*, nint>)table[85], node, name, out _))
            || Succeeded(List((delegate* unmanaged[Cdecl]<nint, byte*, byte*, nuint*, nint>)table[87], node, name, out _))
            || Succeeded(List((delegate* unmanaged[Cdecl]<nint, byte*, float*, nuint*, nint>)table[162], node, name, out _))
            || Succeeded(List((delegate* unmanaged[Cdecl]<nint, byte*, long*, nuint*, nint>)table[163], node, name, out _))
            ? throw new InvalidDataException($"The attribute '{name}' is of another type than expected.")
            : false;
    }

    bool Succeeded(nint status)
    {
        if (status != 0)
            Take(status);
        return status == 0;
    }

    string Take(nint status)
    {
        string message = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged[Cdecl]<nint, byte*>)table[2])(status)) ?? "";
        ((delegate* unmanaged[Cdecl]<nint, void>)table[93])(status);
        return message;
    }

    static byte[] Utf8(string text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}

/// <summary>Codes of a status, as in onnxruntime_c_api.h.</summary>
enum OrtErrorCode
{
    InvalidArgument = 2,
    RuntimeException = 6,
}

/// <summary>A call of the C API failed; the message is ONNX Runtime's.</summary>
sealed class OrtException(string message) : Exception(message);
