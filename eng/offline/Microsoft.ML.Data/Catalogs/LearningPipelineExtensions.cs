using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML
{
    public static class LearningPipelineExtensions
    {
        public static CompositeLoaderEstimator<TSource, TTrans> Append<TSource, TTrans>(this IDataLoader<TSource> start, IEstimator<TTrans> estimator) where TTrans : class, ITransformer =>
            new(start, new EstimatorChain<ITransformer>().Append(estimator));

        public static EstimatorChain<TTrans> Append<TTrans>(this IEstimator<ITransformer> start, IEstimator<TTrans> estimator, TransformerScope scope = TransformerScope.Everything)
            where TTrans : class, ITransformer => new EstimatorChain<ITransformer>().Append(start).Append(estimator, scope);

        public static TransformerChain<TTrans> Append<TTrans>(this ITransformer start, TTrans transformer) where TTrans : class, ITransformer =>
            new TransformerChain<ITransformer>(start).Append(transformer);

        public static EstimatorChain<TTrans> AppendCacheCheckpoint<TTrans>(this IEstimator<TTrans> start, IHostEnvironment env) where TTrans : class, ITransformer =>
            new EstimatorChain<ITransformer>().Append(start).AppendCacheCheckpoint(env);
    }
}

namespace Microsoft.ML.Data
{
    /// <summary>A loader and the steps behind it.</summary>
    public sealed class CompositeLoaderEstimator<TSource, TLastTransformer> where TLastTransformer : class, ITransformer
    {
        readonly IDataLoader<TSource> loader;
        readonly EstimatorChain<TLastTransformer> chain;

        internal CompositeLoaderEstimator(IDataLoader<TSource> loader, EstimatorChain<TLastTransformer> chain) => (this.loader, this.chain) = (loader, chain);

        public SchemaShape GetOutputSchema() => chain.GetOutputSchema(SchemaShape.Create(loader.GetOutputSchema()));
    }
}
