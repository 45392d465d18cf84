using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>One message of <see cref="MLContext.Log"/>.</summary>
public class LoggingEventArgs : EventArgs
{
    public LoggingEventArgs(string message) : this(message, ChannelMessageKind.Info, "") { }

    public LoggingEventArgs(string message, ChannelMessageKind kind, string source) : this($"[Source={source}, Kind={kind}] {message}", kind, source, message) { }

    internal LoggingEventArgs(string message, ChannelMessageKind kind, string source, string rawMessage) =>
        (Message, Kind, Source, RawMessage) = (message, kind, source, rawMessage);

    public string Source { get; }

    public ChannelMessageKind Kind { get; }

    public string Message { get; }

    public string RawMessage { get; }
}
