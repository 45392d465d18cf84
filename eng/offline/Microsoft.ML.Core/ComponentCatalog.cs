using System.Collections.Concurrent;
using System.Reflection;

namespace Microsoft.ML.Runtime;

/// <summary>Classes that model files name.</summary>
public sealed class ComponentCatalog
{
    readonly ConcurrentDictionary<Assembly, bool> assemblies = [];
    readonly ConcurrentDictionary<string, Type> loaders = [];
    readonly ConcurrentDictionary<(Type Attribute, string Contract), Type> extensions = [];

    internal ComponentCatalog() { }

    public void RegisterAssembly(Assembly assembly, bool throwOnError = true)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        if (!assemblies.TryAdd(assembly, true))
            return;
        foreach (var loadable in assembly.GetCustomAttributes<LoadableClassAttribute>())
            loaders[loadable.LoaderSignature] = loadable.Type;
        foreach (var type in assembly.GetTypes())
            foreach (var extension in type.GetCustomAttributes<ExtensionBaseAttribute>())
                if (!extensions.TryAdd((extension.GetType(), extension.ContractName), type) && throwOnError)
                    throw new InvalidOperationException($"Unable to add extension '{extension.ContractName}': another class has this contract already.");
    }

    internal Type Loader(string signature) => loaders.TryGetValue(signature, out var type) ? type
        : throw new InvalidOperationException($"Error during class instantiation: nothing loads '{signature}'.");

    internal object Extension(Type attribute, string contract) => extensions.TryGetValue((attribute, contract), out var type) ? Activator.CreateInstance(type)!
        : throw new InvalidOperationException($"Unable to locate an extension with contract '{contract}'.");
}
