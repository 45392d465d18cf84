using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>The threads of an ONNX Runtime session, the calling one included, for the length of one run of a node.</summary>
sealed unsafe class SessionWorkers : Workers
{
    // A thread runs one node at a time: while it waits for the tasks of one, it does tasks of the same.
    [ThreadStatic]
    static SessionWorkers? mine;

    OrtApi api;
    nint context;
    int threads;

    /// <summary>The workers of the node that this thread runs; valid until it runs the next one.</summary>
    public static SessionWorkers Of(OrtApi api, nint context, int threads)
    {
        var workers = mine ??= new SessionWorkers();
        (workers.api, workers.context, workers.threads) = (api, context, threads);
        return workers;
    }

    /// <summary>What the session options said when the operators were registered, since the C API does not tell a node; tasks run on however many threads there are.</summary>
    public override int Count => threads;

    protected override void ForCore(int tasks, delegate*<void*, int, void> body, void* state)
    {
        if (tasks == 1)
        {
            body(state, 0);
            return;
        }
        var job = new Job { Body = body, State = state };
        api.ParallelFor(context, &Do, tasks, Unsafe.AsPointer(ref job));
        if (job.Failure is not null)
            ExceptionDispatchInfo.Throw(job.Failure);
    }

    // An exception that leaves here would end the process: native frames cannot pass it on. So it waits in the job.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static void Do(void* state, nuint task)
    {
        ref var job = ref Unsafe.AsRef<Job>(state);
        if (job.Failure is not null)
            return;
        try
        {
            job.Body(job.State, (int)task);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref job.Failure, e, null);
        }
    }

    /// <summary>Lives on the stack of the caller, which waits until the last task is done.</summary>
    struct Job
    {
        public delegate*<void*, int, void> Body;
        public void* State;
        public Exception? Failure;
    }
}
