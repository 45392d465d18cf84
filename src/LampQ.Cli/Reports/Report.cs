using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LampQ.Cli;

/// <summary>How a report is written.</summary>
enum ReportFormat
{
    /// <summary>For people.</summary>
    Text,
    /// <summary>One JSON object, for programs.</summary>
    Json,
}

/// <summary>What a command found out; its public properties are the fields of the JSON object (docs/cli.md).</summary>
abstract record Report
{
    static readonly JsonSerializerOptions jsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // The default escapes every letter outside ASCII, as if the text went into a web page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Changes when a field is removed or gets another meaning; new fields leave it.</summary>
    [JsonPropertyOrder(-1)]
    public int SchemaVersion => 1;

    /// <summary>Writes the report.</summary>
    public void Write(TextWriter output, ReportFormat format)
    {
        if (format == ReportFormat.Json)
            // By its own type, because the base type has only the version.
            output.WriteLine(JsonSerializer.Serialize(this, GetType(), jsonOptions));
        else
            WriteText(output);
    }

    /// <summary>Writes it for people.</summary>
    protected abstract void WriteText(TextWriter output);
}
