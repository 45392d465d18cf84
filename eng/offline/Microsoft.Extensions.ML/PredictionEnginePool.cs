using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML;

namespace Microsoft.Extensions.ML;

/// <summary>Prediction engines for many callers at once: one model a name, loaded at its first use, and as many engines as run at the same time.</summary>
public class PredictionEnginePool<TData, TPrediction> where TData : class where TPrediction : class, new()
{
    readonly ConcurrentDictionary<string, Lazy<Entry>> entries = [];

    internal PredictionEnginePool(IReadOnlyDictionary<string, string> files)
    {
        foreach (var (name, file) in files)
            entries[name] = new Lazy<Entry>(() => new Entry(file));
    }

    public ITransformer GetModel() => GetModel("");

    public ITransformer GetModel(string modelName) => Find(modelName).Model;

    public PredictionEngine<TData, TPrediction> GetPredictionEngine() => GetPredictionEngine("");

    public PredictionEngine<TData, TPrediction> GetPredictionEngine(string modelName)
    {
        var entry = Find(modelName);
        return entry.Idle.TryTake(out var engine) ? engine : entry.Context.Model.CreatePredictionEngine<TData, TPrediction>(entry.Model);
    }

    public void ReturnPredictionEngine(PredictionEngine<TData, TPrediction> engine) => ReturnPredictionEngine("", engine);

    public void ReturnPredictionEngine(string modelName, PredictionEngine<TData, TPrediction> engine) => Find(modelName).Idle.Add(engine);

    Entry Find(string modelName) => entries.TryGetValue(modelName, out var entry) ? entry.Value
        : throw new ArgumentException(modelName.Length == 0 ? "You need to configure a default, not named, model before you use this method." : $"You need to configure a model named {modelName} before you use this method.");

    sealed class Entry
    {
        public Entry(string file) => Model = Context.Model.Load(file, out _);

        public MLContext Context { get; } = new();

        public ITransformer Model { get; }

        public ConcurrentBag<PredictionEngine<TData, TPrediction>> Idle { get; } = [];
    }
}

/// <summary>Predicts with an engine that is lent for the call.</summary>
public static class PredictionEnginePoolExtensions
{
    public static TPrediction Predict<TData, TPrediction>(this PredictionEnginePool<TData, TPrediction> predictionEnginePool, TData example) where TData : class where TPrediction : class, new() =>
        predictionEnginePool.Predict("", example);

    public static TPrediction Predict<TData, TPrediction>(this PredictionEnginePool<TData, TPrediction> predictionEnginePool, string modelName, TData example)
        where TData : class where TPrediction : class, new()
    {
        var engine = predictionEnginePool.GetPredictionEngine(modelName);
        try
        {
            return engine.Predict(example);
        }
        finally
        {
            predictionEnginePool.ReturnPredictionEngine(modelName, engine);
        }
    }
}

/// <summary>Says where models are.</summary>
public class PredictionEnginePoolBuilder<TData, TPrediction> where TData : class where TPrediction : class, new()
{
    internal Dictionary<string, string> Files { get; } = [];
}

/// <summary>Models in files. This stand-in does not watch them.</summary>
public static class BuilderExtensions
{
    public static PredictionEnginePoolBuilder<TData, TPrediction> FromFile<TData, TPrediction>(this PredictionEnginePoolBuilder<TData, TPrediction> builder, string filePath)
        where TData : class where TPrediction : class, new() => builder.FromFile("", filePath, false);

    public static PredictionEnginePoolBuilder<TData, TPrediction> FromFile<TData, TPrediction>(this PredictionEnginePoolBuilder<TData, TPrediction> builder, string modelName, string filePath,
        bool watchForChanges) where TData : class where TPrediction : class, new()
    {
        if (watchForChanges)
            throw new NotSupportedException("The stand-in for Microsoft.Extensions.ML does not watch files.");
        builder.Files[modelName] = filePath;
        return builder;
    }
}

/// <summary>The pool as a service.</summary>
public static class ServiceCollectionExtensions
{
    public static PredictionEnginePoolBuilder<TData, TPrediction> AddPredictionEnginePool<TData, TPrediction>(this IServiceCollection services)
        where TData : class where TPrediction : class, new()
    {
        var builder = new PredictionEnginePoolBuilder<TData, TPrediction>();
        services.AddSingleton(_ => new PredictionEnginePool<TData, TPrediction>(builder.Files));
        return builder;
    }
}
