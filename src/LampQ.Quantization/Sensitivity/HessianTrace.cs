using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// HAWQ-V2 (arXiv 1911.03852): the trace of the Hessian of each layer by Hutchinson's estimate tr(H_i) = E_v vᵀH_i·v, v = ±1 in every weight, with
    /// H·v = (∇L(W + εv) − ∇L(W − εv))/(2ε), central differences of gradients. L = KL(p ‖ p_W), p the float model's own output, whose minimum W is.
    /// D_i(b) as in <see cref="SecondOrderDamage"/>.
    /// </summary>
    /// <remarks>
    /// All layers move at once, by ε = a hundredth of the root mean square of their weights: what layer j adds to layer i, v_iᵀH_ij·v_j, is 0 on average, and one pair
    /// of backward passes serves all. The gradient of KL(p ‖ p) is zero; its Hessian is not. With a likelihood of labels instead, the trace of a layer may be negative.
    /// </remarks>
    public static SensitivityMetric HessianTrace { get; } = new HessianTraceMetric();
}

sealed class HessianTraceMetric : SensitivityMetric
{
    const double RelativeStep = 1e-2;

    /// <summary>Directions for each one of <see cref="FisherOptions.Probes"/>: the cross terms of all other layers must average out too.</summary>
    const int DirectionsAProbe = 8;

    // An estimate of a sum of squares; what noise leaves below zero is nothing.
    const double SmallestTrace = 1e-12;

    public override string Name => "hessian-trace";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        var (gradient, input) = Gradients(context, layers);
        using var session = new OnnxSession(gradient.Model, context.Options.Run.Session);
        string[] outputs = [.. layers.Select(l => gradient.Gradients[WeightName(l)])];
        var steps = layers.Select(l => RelativeStep * Math.Max(Math.Sqrt(TensorPrimitives.SumOfSquares<float>(l.WeightTensor.As<float>()) / l.Parameters), 1e-6)).ToArray();
        int batch = FixedBatch.Of(context.Calibration.Model) ?? 1, directions = DirectionsAProbe * context.Options.Fisher.Probes;
        var random = new Random(context.Options.Seed);
        var sums = new double[layers.Length];
        for (int direction = 0; direction < directions; direction++)
        {
            var signs = layers.Select(l => Signs((int)l.Parameters, random)).ToArray();
            foreach (int side in new[] { 1, -1 })
            {
                var fed = layers.Select((l, i) => (Name: WeightName(l), Value: Moved(l, signs[i], (float)(side * steps[i])))).ToDictionary(p => p.Name, p => p.Value);
                int first = 0;
                foreach (var x in context.Samples.Tensors(context.Options.Run with { BatchSize = batch }, context.Cancellation))
                {
                    fed[input] = x;
                    fed[gradient.ExtraInputs[0]] = Probabilities(context.Reference.Scores.Skip(first).Take(batch));
                    session.Run(fed, outputs, (i, _, values) => sums[i] += side * TensorPrimitives.Dot(values, signs[i]) / (2 * steps[i]));
                    first += batch;
                }
            }
            context.Progress?.Invoke(context.Groups.Count * (direction + 1) / directions, context.Groups.Count);
        }
        double count = (double)directions * context.Samples.Count;
        return SecondOrderDamage.Of(context, layers.Select((l, i) => (l.Name, Trace: Math.Max(sums[i] / count, SmallestTrace))).ToDictionary(p => p.Name, p => p.Trace));
    }

    /// <summary>The gradients of KL by every weight, the weights being inputs.</summary>
    static (GradientModel Gradient, string Input) Gradients(SensitivityContext context, QuantizableLayer[] layers)
    {
        string input = context.Calibration.Model.Graph.Inputs[0].Name;
        int batch = FixedBatch.Of(context.Calibration.Model) ?? 1;
        var model = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input] = [batch, .. context.Samples.Shape.Select(d => (long)d)] }).Apply(context.Calibration.Model);
        foreach (var layer in layers)
        {
            var node = model.Graph.Find(layer.Node.Output.Name)!.Producer!;
            node.SetInput(layer.WeightIndex, model.Graph.AddInput(WeightName(layer), ElementType.Float, [.. layer.WeightTensor.Shape.Select(d => new Dimension(d))]));
        }
        return (GradientGraph.Build(model, Loss.KullbackLeibler, [.. layers.Select(WeightName)]), input);
    }

    static float[] Signs(int count, Random random)
    {
        var signs = new float[count];
        for (int i = 0; i < count; i++)
            signs[i] = random.Next(2) == 0 ? 1 : -1;
        return signs;
    }

    static Tensor Moved(QuantizableLayer layer, float[] signs, float step)
    {
        var moved = new float[signs.Length];
        TensorPrimitives.MultiplyAdd(signs, step, layer.WeightTensor.As<float>(), moved);
        return Tensor.Of(moved, [.. layer.WeightTensor.Shape]);
    }

    static Tensor Probabilities(IEnumerable<float[]> scores)
    {
        float[][] rows = [.. scores.Select(s =>
        {
            double max = s.Max(), total = s.Sum(v => Math.Exp(v - max));
            return s.Select(v => (float)(Math.Exp(v - max) / total)).ToArray();
        })];
        return Tensor.Of([.. rows.SelectMany(r => r)], rows.Length, rows[0].Length);
    }

    static string WeightName(QuantizableLayer layer) => $"{layer.Name}:weight";
}
