using LampQ.ModelBuilder;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) =>
{
    // As in lampq: the first Ctrl-C ends the work between two runs of the model, a second one the process.
    key.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};
return MLNetCommand.Run(args, Console.Out, Console.Error, stop.Token);
