using LampQ.Runtime;

namespace LampQ.Kernels;

/// <summary>Workers for measuring: threads that spin for work, as ONNX Runtime's do.</summary>
sealed unsafe class ThreadWorkers : Workers, IDisposable
{
    readonly Thread[] threads;
    int tasks, next, busy, round;
    bool stopped;
    delegate*<void*, int, void> body;
    void* state;

    public ThreadWorkers(int count)
    {
        threads = new Thread[count - 1];
        for (int i = 0; i < threads.Length; i++)
            (threads[i] = new Thread(Work) { IsBackground = true }).Start();
    }

    public override int Count => threads.Length + 1;

    public void Dispose()
    {
        Volatile.Write(ref stopped, true);
        foreach (var thread in threads)
            thread.Join();
    }

    protected override void ForCore(int tasks, delegate*<void*, int, void> body, void* state)
    {
        this.tasks = tasks;
        this.body = body;
        this.state = state;
        next = 0;
        Volatile.Write(ref busy, threads.Length);
        Interlocked.Increment(ref round);
        RunTasks();
        while (Volatile.Read(ref busy) > 0)
            Thread.SpinWait(1);
    }

    void RunTasks()
    {
        for (int task = Interlocked.Increment(ref next) - 1; task < tasks; task = Interlocked.Increment(ref next) - 1)
            body(state, task);
    }

    void Work()
    {
        for (int seen = 0; ;)
        {
            int current;
            while ((current = Volatile.Read(ref round)) == seen)
            {
                if (Volatile.Read(ref stopped))
                    return;
                Thread.SpinWait(1);
            }
            seen = current;
            RunTasks();
            Interlocked.Decrement(ref busy);
        }
    }
}
