using System.Runtime.InteropServices;

namespace LampQ.Speed;

/// <summary>What the calling thread has spent on a processor, on Linux.</summary>
static partial class ThreadClock
{
    const int ThreadProcessorTime = 3;

    public static double Milliseconds => Read(ThreadProcessorTime, out var time) == 0
        ? 1e3 * time.Seconds + 1e-6 * time.Nanoseconds
        : throw new PlatformNotSupportedException("The system does not tell the processor time of a thread; leave clock=processor out.");

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Read(int clock, out TimeSpec time);

    struct TimeSpec
    {
        public nint Seconds, Nanoseconds;
    }
}
