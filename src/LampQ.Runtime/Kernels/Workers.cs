using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>One piece of a larger operation; pieces may run on different threads at the same time.</summary>
interface IWork
{
    void Do(int task);
}

/// <summary>The threads an operation is shared over.</summary>
abstract unsafe class Workers
{
    /// <summary>Runs every task on the calling thread, in order.</summary>
    public static Workers Serial { get; } = new SerialWorkers();

    /// <summary>How many tasks can run at once.</summary>
    public abstract int Count { get; }

    /// <summary>Runs tasks 0 to <paramref name="tasks"/> − 1 and returns when all are done; the first exception of a task is thrown here.</summary>
    /// <param name="tasks">Number of tasks.</param>
    /// <param name="work">A local variable of the caller: threads see it through its address, which a local keeps.</param>
    public void For<TWork>(int tasks, ref TWork work) where TWork : struct, IWork
    {
        if (tasks > 0)
            ForCore(tasks, &Invoke<TWork>, Unsafe.AsPointer(ref work));
    }

    protected abstract void ForCore(int tasks, delegate*<void*, int, void> body, void* state);

    static void Invoke<TWork>(void* state, int task) where TWork : struct, IWork => Unsafe.AsRef<TWork>(state).Do(task);

    sealed class SerialWorkers : Workers
    {
        public override int Count => 1;

        protected override void ForCore(int tasks, delegate*<void*, int, void> body, void* state)
        {
            for (int task = 0; task < tasks; task++)
                body(state, task);
        }
    }
}
