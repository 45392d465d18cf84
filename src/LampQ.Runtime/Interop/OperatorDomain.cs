using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>A named set of operators. Its native side is made once a process and number of threads and never freed, because it has to outlive every session that uses it.</summary>
sealed unsafe class OperatorDomain(string name, IReadOnlyList<CustomOperator> operators)
{
    // One native domain for each number of threads: the C API tells a node nothing about its session, so its operators have to know.
    readonly Dictionary<int, nint> native = [];

    /// <summary>Makes the operators known to the sessions of these options. Twice for the same options, and ONNX Runtime refuses to create a session.</summary>
    /// <param name="options">An <c>OrtSessionOptions*</c>.</param>
    /// <param name="api">The C API it belongs to.</param>
    /// <param name="threads">Threads the sessions share an operation over, as far as known: work is cut for so many. 0 means one for each processor.</param>
    public void AddTo(nint options, OrtApi api, int threads)
    {
        nint domain;
        lock (native)
            if (!native.TryGetValue(threads, out domain))
                native.Add(threads, domain = Create(api, threads));
        api.AddDomainToOptions(options, domain);
    }

    nint Create(OrtApi api, int threads)
    {
        nint domain = api.CreateDomain((byte*)Marshal.StringToCoTaskMemUTF8(name));
        foreach (var definition in operators)
            api.AddToDomain(domain, OperatorTable.Create(definition, api, threads));
        return domain;
    }
}
