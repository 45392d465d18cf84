using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>Operators that use every part of the interop and compute next to nothing.</summary>
static class ToyOperators
{
    public const string Domain = "test.toy";

    static readonly OperatorDomain domain = new(Domain, [new ToyAffine(), new ToyFailure(), new ToyTasks()]);

    /// <summary>Options with the toys registered.</summary>
    public static SessionOptions Options(int threads = 1)
    {
        var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        domain.AddTo(options.DangerousGetHandle(), OnnxRuntimeLibrary.Api, options.IntraOpNumThreads);
        return options;
    }

    /// <summary>A session of the model.</summary>
    public static InferenceSession Open(Model model, int threads = 1)
    {
        using var options = Options(threads);
        return new InferenceSession(model.ToBytes(), options);
    }

    /// <summary>x [b, t, 3] → y, computed by one toy node.</summary>
    public static Model Of(string operation, IReadOnlyList<Tensor?> constants, params IReadOnlyList<(string Name, object Value)> attributes)
    {
        var model = Model.Create(17);
        model.Opsets[Domain] = 1;
        var x = model.Graph.AddInput("x", ElementType.Float, "b", "t", 3);
        var inputs = constants.Select((c, i) => c is null ? null : model.Graph.AddInitializer($"c{i}", c)).Prepend(x).ToArray();
        var y = model.Graph.AddNode(operation, inputs, ["y"], Domain, "the node", attributes).Output;
        y.Type = ElementType.Float;
        model.Graph.AddOutput(y);
        return model;
    }

    /// <summary>Runs a session on x [1, rows, 3].</summary>
    public static float[] Run(InferenceSession session, params float[] x) => Run(session, x, 1, x.Length / 3, 3);

    /// <summary>Runs a session on x of any shape.</summary>
    public static float[] Run(InferenceSession session, float[] x, params long[] shape)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(x, shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["x"], [input], ["y"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}

/// <summary>y = (x·weight)·Π factors + offset + bias, then reversed along the last axis where order says so. Rows are shared over the threads.</summary>
sealed class ToyAffine : CustomOperator
{
    public override string Name => "ToyAffine";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = [new(ElementType.Float), new(ElementType.Float), new(ElementType.Float, Optional: true), new(ElementType.Float, Optional: true)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [ElementType.Float];

    public override OperatorKernel Create(NodeInfo node) => new Kernel(node);

    public override void InferShapes(ShapeContext context)
    {
        if (context.Input(0) is { } shape)
            context.SetOutput(0, shape);
    }

    public sealed unsafe class Kernel : OperatorKernel
    {
        readonly float* weight;
        readonly float* bias;
        readonly float factor, offset;
        readonly long[] order;
        readonly bool hasExtra;

        public Kernel(NodeInfo node)
        {
            weight = node.Constant(1, "the weight").Pointer<float>();
            bias = node.Has(2) ? node.Constant(2, "the bias").Pointer<float>() : null;
            hasExtra = node.Has(3);
            factor = node.Float("scale", 1) * node.Floats("factors").Aggregate(1f, (product, f) => product * f);
            offset = node.Integer("shift") * (node.Text("sign", "plus") == "plus" ? 1 : -1);
            order = node.Integers("order");
            LastWeight = (nint)weight;
        }

        /// <summary>Where the last kernel found its weight.</summary>
        public static nint LastWeight { get; private set; }

        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            var y = context.Output(0, x.Shape);
            var rows = new Rows
            {
                X = x.Pointer<float>(),
                Y = y.Pointer<float>(),
                Extra = hasExtra ? context.Input(3).Pointer<float>() : null,
                Kernel = this,
            };
            context.Workers.For((int)(x.Count / 3), ref rows);
        }

        struct Rows : IWork
        {
            public float* X, Y, Extra;
            public Kernel Kernel;

            public readonly void Do(int row)
            {
                for (int i = 0; i < 3; i++)
                {
                    int from = (int)Kernel.order[i];
                    Y[3 * row + i] = X[3 * row + from] * Kernel.weight[from] * Kernel.factor + Kernel.offset
                        + (Kernel.bias is null ? 0 : Kernel.bias[from]) + (Extra is null ? 0 : Extra[from]);
                }
            }
        }
    }
}

/// <summary>y = x, unless the first element is negative: then it fails where the attribute says.</summary>
sealed class ToyFailure : CustomOperator
{
    static int created, disposed;

    public override string Name => "ToyFailure";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = [new(ElementType.Float)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [ElementType.Float];

    /// <summary>Kernels made and not yet disposed.</summary>
    public static int Alive => created - disposed;

    public override OperatorKernel Create(NodeInfo node)
    {
        string where = node.Text("where");
        if (where == "create")
            throw new InvalidDataException("the toy refuses its attributes");
        Interlocked.Increment(ref created);
        return new Kernel { Where = where };
    }

    public override void InferShapes(ShapeContext context)
    {
        if (context.Integer("infer") == 1)
            throw new InvalidDataException("the toy refuses to infer");
    }

    sealed unsafe class Kernel : OperatorKernel
    {
        public required string Where { get; init; }

        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            bool fails = x.As<float>()[0] < 0;
            if (fails && Where == "run")
                throw new InvalidDataException("the toy refuses negative numbers");
            var y = context.Output(0, x.Shape);
            var work = new Work { Fails = fails };
            context.Workers.For(1000, ref work);
            x.As<float>().CopyTo(new Span<float>(y.Pointer<float>(), (int)y.Count));
        }

        public override void Dispose() => Interlocked.Increment(ref disposed);

        struct Work : IWork
        {
            public bool Fails;

            public readonly void Do(int task)
            {
                if (Fails && task % 7 == 3)
                    throw new ArithmeticException("the toy stumbles over a task");
            }
        }
    }
}

/// <summary>y[i] = how often task i of as many tasks as x has elements ran.</summary>
sealed class ToyTasks : CustomOperator
{
    public override string Name => "ToyTasks";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = [new(ElementType.Float)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [ElementType.Float];

    public override OperatorKernel Create(NodeInfo node) => new Kernel();

    sealed unsafe class Kernel : OperatorKernel
    {
        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            var y = context.Output(0, x.Shape);
            new Span<float>(y.Pointer<float>(), (int)y.Count).Clear();
            var work = new Work { Y = y.Pointer<float>() };
            context.Workers.For((int)x.Count, ref work);
        }

        struct Work : IWork
        {
            public float* Y;

            public readonly void Do(int task) => Y[task]++;
        }
    }
}
