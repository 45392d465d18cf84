using System.Collections.Concurrent;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Where everything begins.</summary>
public sealed class MLContext : IHostEnvironment
{
    readonly ConcurrentDictionary<string, object?> options = [];
    readonly Random random;

    public MLContext(int? seed = null)
    {
        random = seed is { } value ? new Random(value) : new Random();
        Data = new DataOperationsCatalog(random);
        Transforms = new TransformsCatalog(this);
        Model = new ModelOperationsCatalog(this);
        ComponentCatalog.RegisterAssembly(typeof(MLContext).Assembly);
    }

    public event EventHandler<LoggingEventArgs>? Log;

    public TransformsCatalog Transforms { get; }

    public ModelOperationsCatalog Model { get; }

    public DataOperationsCatalog Data { get; }

    public ComponentCatalog ComponentCatalog { get; } = new();

    public string TempFilePath { get; set; } = Path.GetTempPath();

    public bool FallbackToCpu { get; set; } = true;

    public int? GpuDeviceId { get; set; }

    public bool TryAddOption<T>(string name, T value) => options.TryAdd(name, value);

    public void SetOption<T>(string name, T value) => options[name] = value;

    public bool TryGetOption<T>(string name, out T value)
    {
        bool found = options.TryGetValue(name, out object? stored);
        value = found ? (T)stored! : default!;
        return found;
    }

    public T GetOptionOrDefault<T>(string name) => TryGetOption(name, out T value) ? value : default!;

    public bool RemoveOption(string name) => options.TryRemove(name, out _);

    string IExceptionContext.ContextDescription => "MLContext";

    TException IExceptionContext.Process<TException>(TException ex) => ex;

    IHost IHostEnvironment.Register(string name, int? seed, bool? verbose) => new Host(this, name, seed is { } value ? new Random(value) : new Random(random.Next()));

    IChannel IChannelProvider.Start(string name) => new Channel(this, name);

    IPipe<TMessage> IChannelProvider.StartPipe<TMessage>(string name) => new Pipe<TMessage>();

    IProgressChannel IProgressChannelProvider.StartProgressChannel(string name) => new ProgressChannel();

    internal void Say(string source, ChannelMessageKind kind, string message) =>
        Log?.Invoke(this, new LoggingEventArgs($"[Source={source}, Kind={kind}] {message}", kind, source, message));
}
