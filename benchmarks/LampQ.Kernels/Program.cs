using System.Globalization;
using BenchmarkDotNet.Running;
using LampQ.Kernels;
using LampQ.Runtime;

// `table [seconds] [threads] [layer] [kernel]` prints operations a second and the share of the measured VNNI peak, `fastest` the name of this CPU's kernel for 8 bits;
// anything else goes to BenchmarkDotNet.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["fastest"])
{
    Console.WriteLine(DotKernel.Fastest().Name);
    return;
}
if (args is not ["table", ..])
{
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
    return;
}
double seconds = args.Length > 1 ? double.Parse(args[1]) : 20;
int[] threadCounts = args.Length > 2 ? [.. args[2].Split(',').Select(int.Parse)] : [1, 2];
string layer = args.Length > 3 ? args[3] : "", kernel = args.Length > 4 ? args[4] : "";
foreach (int threads in threadCounts)
{
    using var workers = new ThreadWorkers(threads);
    var table = new ShareTable(workers, layer, kernel);
    table.Measure(TimeSpan.FromSeconds(seconds));
    Console.WriteLine(table);
}
