namespace Microsoft.ML;

/// <summary>Marks what <see cref="Runtime.ComponentCatalog.RegisterAssembly"/> finds by a name.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public abstract class ExtensionBaseAttribute : Attribute
{
    private protected ExtensionBaseAttribute(string contractName) => ContractName = contractName;

    public string ContractName { get; }
}

/// <summary>Says which class reads the models of a loader signature, by a static method Create(IHostEnvironment, ModelLoadContext).</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
sealed class LoadableClassAttribute(Type type, string loaderSignature) : Attribute
{
    public Type Type { get; } = type;

    public string LoaderSignature { get; } = loaderSignature;
}
