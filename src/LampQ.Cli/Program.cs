using LampQ.Cli;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) =>
{
    // The first Ctrl-C ends the work between two runs of the model; a second one ends the process at once.
    key.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};
return CommandLine.Run(args, Console.Out, Console.Error, stop.Token);
