using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>When a step of a chain is applied.</summary>
[Flags]
public enum TransformerScope
{
    None = 0,
    Training = 1,
    Testing = 2,
    TrainTest = 3,
    Scoring = 4,
    Everything = 7,
}

/// <summary>Estimators fitted one after the other, each on what those before it made of the data.</summary>
public sealed class EstimatorChain<TLastTransformer> : IEstimator<TransformerChain<TLastTransformer>> where TLastTransformer : class, ITransformer
{
    public readonly IEstimator<TLastTransformer> LastEstimator;
    readonly (IEstimator<ITransformer> Estimator, TransformerScope Scope, bool Cache)[] steps;

    public EstimatorChain() : this([]) { }

    internal EstimatorChain((IEstimator<ITransformer>, TransformerScope, bool)[] steps)
    {
        this.steps = steps;
        LastEstimator = steps.Length == 0 ? null! : (IEstimator<TLastTransformer>)steps[^1].Item1;
    }

    public TransformerChain<TLastTransformer> Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        // Wrong columns are found before anything is learned.
        GetOutputSchema(SchemaShape.Create(input.Schema));
        var transformers = new List<ITransformer>();
        var view = input;
        for (int i = 0; i < steps.Length; i++)
        {
            var transformer = steps[i].Estimator.Fit(view);
            transformers.Add(transformer);
            view = transformer.Transform(view);
            if (steps[i].Cache && i < steps.Length - 1)
                view = new CacheView(view);
        }
        return new TransformerChain<TLastTransformer>(transformers, steps.Select(s => s.Scope));
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => steps.Aggregate(inputSchema, (shape, step) => step.Estimator.GetOutputSchema(shape));

    public EstimatorChain<TNewTrans> Append<TNewTrans>(IEstimator<TNewTrans> estimator, TransformerScope scope = TransformerScope.Everything) where TNewTrans : class, ITransformer
    {
        ArgumentNullException.ThrowIfNull(estimator);
        return new([.. steps, ((IEstimator<ITransformer>)estimator, scope, false)]);
    }

    public EstimatorChain<TLastTransformer> AppendCacheCheckpoint(IHostEnvironment env)
    {
        if (steps.Length == 0)
            throw new InvalidOperationException("It is not necessary to put a cache at the very beginning of the pipeline, as the data is already in memory or can be cached by Cache.");
        return new([.. steps[..^1], steps[^1] with { Cache = true }]);
    }
}
