using System.Runtime.InteropServices;

namespace LampQ.Quantization;

/// <summary>A shared library of the system, loaded when it is first needed; its functions are called through pointers.</summary>
/// <remarks>
/// DllImport would need a resolver to try several names, an assembly can have only one, and the error of a missing
/// library could not say what to install.
/// </remarks>
sealed class SystemLibrary
{
    readonly nint handle;
    readonly string title;
    readonly string install;

    SystemLibrary(nint handle, string title, string install) => (this.handle, this.title, this.install) = (handle, title, install);

    /// <summary>Loads the first library of <paramref name="names"/> that exists.</summary>
    /// <exception cref="DllNotFoundException">None does; the message names them and says what to install.</exception>
    internal static SystemLibrary Load(string title, string install, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, out var handle)) return new SystemLibrary(handle, title, install);
        }
        throw new DllNotFoundException($"{title} was not found (tried {string.Join(", ", names)}). {install}");
    }

    /// <summary>The address of a function.</summary>
    /// <exception cref="DllNotFoundException">The library found is too old to have it.</exception>
    internal nint Function(string name) =>
        NativeLibrary.TryGetExport(handle, name, out var address)
            ? address
            : throw new DllNotFoundException($"{title} was found but lacks the function {name}. {install}");
}
