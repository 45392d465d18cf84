using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A named part of the environment.</summary>
sealed class Host(MLContext context, string name, Random random) : IHost
{
    public Random Rand => random;

    public ComponentCatalog ComponentCatalog => context.ComponentCatalog;

    public string ContextDescription => name;

    public TException Process<TException>(TException ex) where TException : Exception => ex;

    public IHost Register(string name, int? seed = null, bool? verbose = null) => ((IHostEnvironment)context).Register(name, seed, verbose);

    public IChannel Start(string channel) => new Channel(context, $"{name}; {channel}");

    public IPipe<TMessage> StartPipe<TMessage>(string pipe) => new Pipe<TMessage>();

    public IProgressChannel StartProgressChannel(string channel) => new ProgressChannel();
}

/// <summary>Says things to <see cref="MLContext.Log"/>, and when it began and ended.</summary>
sealed class Channel : Pipe<ChannelMessage>, IChannel
{
    readonly MLContext context;
    readonly string source;
    readonly Stopwatch watch = Stopwatch.StartNew();

    public Channel(MLContext context, string source)
    {
        this.context = context;
        this.source = source;
        Trace(MessageSensitivity.None, "Channel started");
    }

    public override void Send(ChannelMessage msg) => context.Say(source, msg.Kind, msg.Message);

    public void Trace(MessageSensitivity sensitivity, string fmt) => Say(ChannelMessageKind.Trace, sensitivity, fmt);

    public void Trace(MessageSensitivity sensitivity, string fmt, params object[] args) => Trace(sensitivity, Format(fmt, args));

    public void Error(MessageSensitivity sensitivity, string fmt) => Say(ChannelMessageKind.Error, sensitivity, fmt);

    public void Error(MessageSensitivity sensitivity, string fmt, params object[] args) => Error(sensitivity, Format(fmt, args));

    public void Warning(MessageSensitivity sensitivity, string fmt) => Say(ChannelMessageKind.Warning, sensitivity, fmt);

    public void Warning(MessageSensitivity sensitivity, string fmt, params object[] args) => Warning(sensitivity, Format(fmt, args));

    public void Info(MessageSensitivity sensitivity, string fmt) => Say(ChannelMessageKind.Info, sensitivity, fmt);

    public void Info(MessageSensitivity sensitivity, string fmt, params object[] args) => Info(sensitivity, Format(fmt, args));

    public override void Dispose()
    {
        Trace(MessageSensitivity.None, $"Channel finished. Elapsed {watch.Elapsed:c}.");
        Trace(MessageSensitivity.None, "Channel disposed");
    }

    void Say(ChannelMessageKind kind, MessageSensitivity sensitivity, string text) => Send(new ChannelMessage(kind, sensitivity, text));

    static string Format(string fmt, object[] args) => string.Format(CultureInfo.InvariantCulture, fmt, args);
}

/// <summary>A pipe that nobody reads.</summary>
class Pipe<TMessage> : IPipe<TMessage>
{
    public string ContextDescription => "Pipe";

    public TException Process<TException>(TException ex) where TException : Exception => ex;

    public virtual void Send(TMessage msg) { }

    public virtual void Dispose() { }
}

/// <summary>Progress, which nothing outside ML.NET can read.</summary>
sealed class ProgressChannel : IProgressChannel
{
    public IProgressChannel StartProgressChannel(string name) => new ProgressChannel();

    public void SetHeader(ProgressHeader header, Action<IProgressEntry> fillAction) { }

    public void Checkpoint(params double?[] values) { }

    public void Dispose() { }
}
