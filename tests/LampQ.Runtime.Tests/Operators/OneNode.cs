using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>An input of <see cref="OneNode"/> that the caller feeds; every dimension is open, so that the operator and not ONNX Runtime judges shapes.</summary>
sealed record Fed(string Name, ElementType Type, int Rank);

/// <summary>A model of one node of ai.lampq, and the session that runs it.</summary>
sealed class OneNode : IDisposable
{
    readonly InferenceSession session;

    OneNode(byte[] model, int threads)
    {
        using var options = Options(threads);
        session = new InferenceSession(model, options);
    }

    /// <summary>Options with LampQ's operators, quiet and without spinning.</summary>
    public static SessionOptions Options(int threads = 1)
    {
        var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return options.RegisterLampQ();
    }

    /// <summary>The model; an input is a <see cref="Fed"/>, a <see cref="Tensor"/> (an initializer), or null (left out).</summary>
    public static Model Model(string operation, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object> attributes)
    {
        var model = LampQ.Onnx.Model.Create(17);
        model.Opsets[LampQDomain.Name] = LampQDomain.Version;
        var values = inputs.Select((input, i) => input switch
        {
            Fed fed => model.Graph.Find(fed.Name) ?? model.Graph.AddInput(fed.Name, fed.Type, [.. Enumerable.Range(0, fed.Rank).Select(d => (Dimension)$"{fed.Name}{d}")]),
            Tensor tensor => model.Graph.AddInitializer($"input{i}", tensor),
            _ => null,
        }).ToArray();
        var y = model.Graph.AddNode(operation, values, ["y"], LampQDomain.Name, "the node", [.. attributes.Select(a => (a.Key, a.Value))]).Output;
        y.Type = operation.EndsWith("Quantize", StringComparison.Ordinal) || operation.EndsWith("Levels", StringComparison.Ordinal) ? ElementType.UInt8 : ElementType.Float;
        model.Graph.AddOutput(y);
        return model;
    }

    /// <summary>A session of the model.</summary>
    public static OneNode Open(string operation, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object> attributes, int threads = 1) =>
        new(Model(operation, inputs, attributes).ToBytes(), threads);

    /// <summary>What ONNX Runtime says when it refuses the node; fails where it does not.</summary>
    public static string Refusal(string operation, IReadOnlyList<object?> inputs, IReadOnlyDictionary<string, object> attributes)
    {
        string message = Assert.ThrowsExactly<OnnxRuntimeException>(() => Open(operation, inputs, attributes).Dispose()).Message;
        StringAssert.Contains(message, $"Node 'the node' ({operation}): ");
        Assert.IsFalse(message.Contains("   at ", StringComparison.Ordinal), message);
        return message;
    }

    public NodeMetadata OutputMetadata => session.OutputMetadata["y"];

    /// <summary>Runs the node; its inputs end where memory ends.</summary>
    public Tensor Run(params (string Name, Tensor Tensor)[] inputs)
    {
        var memory = inputs.Select(i => new GuardedTensor(i.Tensor)).ToArray();
        try
        {
            using var run = new RunOptions();
            using var outputs = session.Run(run, [.. inputs.Select(i => i.Name)], [.. memory.Select(m => m.Value)], ["y"]);
            var info = outputs[0].GetTensorTypeAndShape();
            return Tensor.OfBytes((ElementType)(int)info.ElementDataType, outputs[0].GetTensorMutableRawData().ToArray(), info.Shape);
        }
        finally
        {
            foreach (var one in memory)
                one.Dispose();
        }
    }

    /// <summary>What ONNX Runtime says when a run fails; fails where it does not.</summary>
    public string Failure(params (string Name, Tensor Tensor)[] inputs)
    {
        string message = Assert.ThrowsExactly<OnnxRuntimeException>(() => Run(inputs)).Message;
        StringAssert.Contains(message, "Node 'the node' (");
        Assert.IsFalse(message.Contains("   at ", StringComparison.Ordinal), message);
        return message;
    }

    public void Dispose() => session.Dispose();
}

/// <summary>A tensor whose last byte is the last one before a page that nobody may touch.</summary>
sealed unsafe class GuardedTensor : IDisposable
{
    readonly GuardedMemory memory;

    public GuardedTensor(Tensor tensor)
    {
        memory = new GuardedMemory(tensor.Bytes.Length);
        tensor.Bytes.Span.CopyTo(new Span<byte>(memory.Pointer, tensor.Bytes.Length));
        Value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.Type,
            [.. tensor.Shape], (nint)memory.Pointer, tensor.Bytes.Length);
    }

    public OrtValue Value { get; }

    /// <summary>Where the tensor starts.</summary>
    public nint Address => (nint)memory.Pointer;

    public void Dispose()
    {
        Value.Dispose();
        memory.Dispose();
    }
}
