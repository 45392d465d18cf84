using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>An exception in an operator becomes an error of ONNX Runtime, and never more than that.</summary>
[TestClass]
public sealed class CustomOperatorErrorTests
{
    [TestMethod]
    public void Create_ThatThrows_FailsTheSessionNamingNodeAndReason()
    {
        int alive = ToyFailure.Alive;
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Open(ToyOperators.Of("ToyFailure", [], ("where", "create"))));
        StringAssert.Contains(error.Message, "Node 'the node' (ToyFailure): the toy refuses its attributes");
        Assert.IsFalse(error.Message.Contains("   at ", StringComparison.Ordinal), "A broken contract is no defect; its stack only distracts.");
        Assert.AreEqual(alive, ToyFailure.Alive);
    }

    [TestMethod]
    public void InferShapes_ThatThrows_OnlyLeavesTheShapeUnknown()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyFailure", [], ("where", "never"), ("infer", 1)));
        Assert.AreEqual(0, session.OutputMetadata["y"].Dimensions.Length);
        CollectionAssert.AreEqual(new float[] { 1, 2, 3 }, ToyOperators.Run(session, 1, 2, 3));
    }

    [TestMethod]
    public void Run_ThatThrows_NamesNodeAndReasonAndLeavesTheSessionUsable()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyFailure", [], ("where", "run")));
        for (int i = 0; i < 3; i++)
        {
            var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Run(session, -1, 2, 3));
            StringAssert.Contains(error.Message, "Node 'the node' (ToyFailure): the toy refuses negative numbers");
            CollectionAssert.AreEqual(new float[] { 1, 2, 3 }, ToyOperators.Run(session, 1, 2, 3));
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    public void Run_WhoseTasksThrow_ReportsTheFirstWithItsStackAndLeavesTheSessionUsable(int threads)
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyFailure", [], ("where", "task")), threads);
        for (int i = 0; i < 3; i++)
        {
            var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Run(session, -1, 2, 3));
            StringAssert.Contains(error.Message, "Node 'the node' (ToyFailure): ");
            StringAssert.Contains(error.Message, "ArithmeticException: the toy stumbles over a task");
            StringAssert.Contains(error.Message, "   at ");
            CollectionAssert.AreEqual(new float[] { 1, 2, 3 }, ToyOperators.Run(session, 1, 2, 3));
        }
    }

    [TestMethod]
    public void Run_UnderGlobalLoad_FailingAndWorkingCallersDoNotDisturbEachOther()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyFailure", [], ("where", "task")), 2);
        int wrong = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            bool fails = i % 2 == 0;
            try
            {
                if (fails || !ToyOperators.Run(session, i, 2, 3).AsSpan().SequenceEqual([i, 2, 3]))
                    ToyOperators.Run(session, -1 - i, 2, 3);
                else
                    return;
                Interlocked.Increment(ref wrong);
            }
            catch (OnnxRuntimeException) when (fails) { }
        });
        Assert.AreEqual(0, wrong);
    }

    [TestMethod]
    public void Session_WithoutRegistration_IsRefusedNamingTheOperator()
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        byte[] model = ToyOperators.Of("ToyTasks", []).ToBytes();
        StringAssert.Contains(Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(model, options)).Message, "ToyTasks");
    }
}
