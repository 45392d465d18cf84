using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>How good a model is. Shares are 0 to 1; what cannot be said is null.</summary>
sealed record EvalReport : Report
{
    public required string Model { get; init; }
    public required string? Reference { get; init; }
    public required string Data { get; init; }
    public required int Images { get; init; }
    public required int Labelled { get; init; }
    public required double? Top1 { get; init; }
    public required double? Top5 { get; init; }
    public required double? Agreement { get; init; }
    public required double? MeanKl { get; init; }
    public required double ImagesPerSecond { get; init; }
    public required int Threads { get; init; }
    public required int Batch { get; init; }
    public required string Engine { get; init; }
    public required string? Preprocessing { get; init; }

    public static EvalReport Of(Evaluation evaluation, string model, string? reference, string data, int threads, int batch, string engine, string? preprocessing) => new()
    {
        Model = model,
        Reference = reference,
        Data = data,
        Images = evaluation.Images,
        Labelled = evaluation.Labelled,
        Top1 = evaluation.Top1,
        Top5 = evaluation.Top5,
        Agreement = evaluation.Agreement,
        MeanKl = evaluation.MeanKl,
        ImagesPerSecond = evaluation.ImagesPerSecond,
        Threads = threads,
        Batch = batch,
        Engine = engine,
        Preprocessing = preprocessing,
    };

    protected override void WriteText(TextWriter output)
    {
        output.WriteLine($"model      {Model}");
        output.WriteLine($"images     {Figures.Count(Images)} ({Figures.Count(Labelled)} with a class)");
        output.WriteLine($"top-1      {Figures.Percent(Top1)}");
        output.WriteLine($"top-5      {Figures.Percent(Top5)}");
        if (Reference is not null)
        {
            output.WriteLine($"reference  {Reference}");
            output.WriteLine($"agreement  {Figures.Percent(Agreement)}");
            output.WriteLine($"mean KL    {Figures.Short(MeanKl)}");
        }
        output.WriteLine($"speed      {Figures.Fixed(ImagesPerSecond, 1)} images/s ({Threads} threads, batch {Batch}, {Engine}; loading not counted)");
    }
}
