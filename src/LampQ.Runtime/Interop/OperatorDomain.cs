using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>A named set of operators. Its native side is made once a process and never freed, because it has to outlive every session that uses it.</summary>
sealed unsafe class OperatorDomain(string name, IReadOnlyList<CustomOperator> operators)
{
    readonly Lock gate = new();
    nint native;

    /// <summary>Makes the operators known to the sessions of these options. Twice for the same options, and ONNX Runtime refuses to create a session.</summary>
    /// <param name="options">An <c>OrtSessionOptions*</c>.</param>
    /// <param name="api">The C API it belongs to.</param>
    public void AddTo(nint options, OrtApi api)
    {
        lock (gate)
            if (native == 0)
                native = Create(api);
        api.AddDomainToOptions(options, native);
    }

    nint Create(OrtApi api)
    {
        nint domain = api.CreateDomain((byte*)Marshal.StringToCoTaskMemUTF8(name));
        foreach (var definition in operators)
            api.AddToDomain(domain, OperatorTable.Create(definition, api));
        return domain;
    }
}
