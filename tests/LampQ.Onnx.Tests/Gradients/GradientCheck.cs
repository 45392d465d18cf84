using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>Holds a backward graph against central finite differences, both run by ONNX Runtime.</summary>
static class GradientCheck
{
    // A power of two: x ± h and x ± 2h are then exact for the values the cases use, up to the rounding of x itself.
    public const double Step = 1.0 / 32;

    /// <summary>
    /// ∂(Σ cotangent·output)/∂input of every float input against (8·(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h)))/(12h).
    /// </summary>
    /// <remarks>
    /// Tolerance: every output carries a rounding error of a few units in the last place, taken as 16·2⁻²⁴·|y|, so f has one of at most
    /// E = 16·2⁻²⁴·Σ|c·y|, which the formula multiplies by (8·2 + 2)/(12h) = 1.5/h. Its truncation error is h⁴/30·|f⁽⁵⁾| = 3.2e-8·|f⁽⁵⁾|;
    /// 3e-5 allows fifth derivatives up to 1000 (the cases keep clear of kinks and poles). The gradient itself is computed in float: 64·2⁻²⁴·|g| and the
    /// sums behind it, 64·2⁻²⁴·max|g|.
    /// </remarks>
    public static void AgainstDifferences(Model model, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> wanted, int seed, int? elementsEach = null)
    {
        var random = new Random(seed);
        string output = model.Graph.Outputs[0].Name;
        using var forward = new OnnxSession(model, new() { Threads = 1, Optimize = false });
        var y = forward.Run(inputs, [output])[0];
        var cotangent = Tensor.Of(Enumerable.Range(0, (int)y.Count).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray(), [.. y.Shape]);
        double magnitude = Pair(y, cotangent, absolute: true);

        var gradient = GradientGraph.Build(model, Loss.InnerProduct, wanted);
        using var backward = new OnnxSession(gradient.Model, new() { Threads = 1 });
        var analytic = backward.Run(Only(backward, With(inputs, "cotangent", cotangent)), [.. wanted.Select(name => gradient.Gradients[name])]);

        bool anyLarge = false;
        for (int i = 0; i < wanted.Count; i++)
        {
            string name = wanted[i];
            float[] values = inputs[name].ToFloats(), gradients = analytic[i].ToFloats();
            CollectionAssert.AreEqual(inputs[name].Shape.ToArray(), analytic[i].Shape.ToArray(), $"shape of the gradient of '{name}'");
            double largest = gradients.Max(g => Math.Abs(g)), tolerance = 16 * Math.Pow(2, -24) * magnitude * 1.5 / Step + 3e-5 + 128 * Math.Pow(2, -24) * largest;
            anyLarge |= largest > 10 * tolerance;
            var elements = Enumerable.Range(0, values.Length).ToArray();
            if (elementsEach < elements.Length)
            {
                random.Shuffle(elements);
                elements = elements[..elementsEach.Value];
            }
            foreach (int element in elements)
            {
                double At(double offset)
                {
                    var moved = values.ToArray();
                    moved[element] = (float)(values[element] + offset);
                    return Pair(forward.Run(With(inputs, name, Tensor.Of(moved, [.. inputs[name].Shape])), [output])[0], cotangent);
                }
                double numeric = (8 * (At(Step) - At(-Step)) - (At(2 * Step) - At(-2 * Step))) / (12 * Step);
                Assert.AreEqual(numeric, gradients[element], tolerance, $"∂/∂{name}[{element}], seed {seed}, largest gradient {largest}");
            }
        }
        Assert.IsTrue(anyLarge, $"All gradients are within ten tolerances of zero (seed {seed}); the case shows nothing.");
    }

    /// <summary>
    /// The derivative of the summed loss along random directions of unit length, one tensor at a time: Σ gradient·d against the same formula
    /// for L(x + t·d). A direction moves every element at once, so an error in any of them shows.
    /// </summary>
    /// <remarks>
    /// Tolerance: L is one float a sample; a relative error of 64·2⁻²⁴ (some hundred roundings on the way, of random sign) gives
    /// 64·2⁻²⁴·Σ|L|·1.5/h in the derivative. The step shrinks with the norm of the gradient, h = 1/32/max(1, ‖g‖), so that the loss moves by about
    /// 1/16 at most and truncation stays near h⁴/30·|f⁽⁵⁾| as above; gradients of size g add 2¹⁰·2⁻²⁴·|g| of their own rounding.
    /// </remarks>
    public static void AlongDirections(Model model, Loss loss, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> wanted, int seed)
    {
        var random = new Random(seed);
        var gradient = GradientGraph.Build(model, loss, wanted);
        using var session = new OnnxSession(gradient.Model, new() { Threads = 1 });
        var fed = Only(session, inputs);
        var results = session.Run(fed, [gradient.Loss, .. wanted.Select(name => gradient.Gradients[name])]);
        double magnitude = results[0].ToFloats().Sum(l => Math.Abs((double)l));
        double largest = 0;
        for (int i = 0; i < wanted.Count; i++)
        {
            string name = wanted[i];
            float[] values = inputs[name].ToFloats(), gradients = results[i + 1].ToFloats();
            CollectionAssert.AreEqual(inputs[name].Shape.ToArray(), results[i + 1].Shape.ToArray(), $"shape of the gradient of '{name}'");
            double norm = Math.Sqrt(gradients.Sum(g => (double)g * g));
            double step = Step / Math.Max(1, norm), bound = 64 * Math.Pow(2, -24) * magnitude * 1.5 / step + 3e-5;
            largest = Math.Max(largest, norm / bound);
            // The gradient's own direction has the largest derivative of all; the random one is no choice of the code under test.
            double[] along = Array.ConvertAll(gradients, g => g / Math.Max(norm, 1e-30));
            double[] anywhere = [.. values.Select(_ => random.NextDouble() * 2 - 1)];
            double length = Math.Sqrt(anywhere.Sum(d => d * d));
            foreach (double[] direction in new[] { along, Array.ConvertAll(anywhere, d => d / length) })
            {
                double At(double t)
                {
                    var moved = Tensor.Of(values.Zip(direction, (v, d) => (float)(v + t * d)).ToArray(), [.. inputs[name].Shape]);
                    return session.Run(With(fed, name, moved), [gradient.Loss])[0].ToFloats().Sum(l => (double)l);
                }
                double numeric = (8 * (At(step) - At(-step)) - (At(2 * step) - At(-2 * step))) / (12 * step);
                double analytic = gradients.Zip(direction, (g, d) => g * d).Sum();
                Assert.AreEqual(numeric, analytic, bound + Math.Pow(2, -14) * norm, $"derivative along a direction of '{name}', seed {seed}, norm of the gradient {norm}");
            }
        }
        Assert.IsTrue(largest > 30, $"No gradient is larger than thirty tolerances (seed {seed}); the case shows nothing.");
    }

    /// <summary>States type and shape of every value as ONNX Runtime finds them in a run.</summary>
    public static void StateShapes(Model model, IReadOnlyDictionary<string, Tensor> inputs)
    {
        var all = model.Clone();
        var computed = all.Graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>().ToArray();
        foreach (var value in computed)
            all.Graph.AddOutput(value);
        string[] names = [.. computed.Select(v => v.Name)];
        using var session = new OnnxSession(all, new() { Threads = 1, Optimize = false });
        foreach (var (name, tensor) in names.Zip(session.Run(inputs, names)))
        {
            var value = model.Graph.Find(name)!;
            (value.Type, value.Shape) = (tensor.Type, [.. tensor.Shape.Select(d => new Dimension(d))]);
        }
    }

    /// <summary>The inputs a session asks for: a backward graph may do without some.</summary>
    public static Dictionary<string, Tensor> Only(OnnxSession session, IReadOnlyDictionary<string, Tensor> inputs) =>
        session.InputNames.ToDictionary(name => name, name => inputs[name]);

    public static Dictionary<string, Tensor> With(IReadOnlyDictionary<string, Tensor> inputs, string name, Tensor tensor) => new(inputs) { [name] = tensor };

    static double Pair(Tensor y, Tensor cotangent, bool absolute = false)
    {
        double sum = 0;
        float[] values = y.ToFloats(), factors = cotangent.ToFloats();
        for (int i = 0; i < values.Length; i++)
            sum += absolute ? Math.Abs((double)values[i] * factors[i]) : (double)values[i] * factors[i];
        return sum;
    }
}
