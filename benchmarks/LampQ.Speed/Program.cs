using System.Globalization;
using LampQ.Onnx;
using LampQ.Speed;

if (args is ["worker"])
    return Worker.Serve(Console.In, Console.Out);
if (args is ["memory-of", var engine, var path])
{
    ResidentMemory.PrintGrowth(engine, path);
    return 0;
}
if (args is ["goals", var pages])
{
    Goals.Write(pages);
    return 0;
}
if (args is ["memory", var folder, var page])
{
    ResidentMemory.Write(folder, page);
    return 0;
}
if (args is ["profile", var profiled, var profile, var cpu])
{
    OperatorProfile.Write(profiled, profile, cpu);
    return 0;
}
if (args is not [string models, string results, .. string[] rest] || rest.Any(r => !r.Contains('=')))
{
    Console.Error.WriteLine("usage: LampQ.Speed MODELS-FOLDER RESULTS.md NAME=FOLDER-WITH-THIS-PROGRAM-AND-AN-ONNX-RUNTIME... [tiny=FLOAT.onnx,QUANTIZED.onnx] [seconds=N] [threads=1,2] [batch=1,8] [spin=true] [clock=wall|processor] [title=WORDS] [spellings=all|qdq]\n       LampQ.Speed memory MODELS-FOLDER RESULTS.md\n       LampQ.Speed profile MODELS-FOLDER RESULTS.md CPU\n       LampQ.Speed goals RESULTS-FOLDER");
    return 2;
}

var options = rest.Select(r => r.Split('=', 2)).ToLookup(p => p[0], p => p[1]);
string[] known = ["tiny", "seconds", "threads", "batch", "spin", "clock", "title", "spellings"];
string Option(string name, string whenAbsent) => options[name].LastOrDefault(whenAbsent);
double seconds = double.Parse(Option("seconds", "10"), CultureInfo.InvariantCulture);
bool spin = bool.Parse(Option("spin", "true")), onProcessor = Option("clock", "wall") == "processor", onlyQdq = Option("spellings", "all") == "qdq";
int[] threads = [.. Option("threads", "1,2").Split(',').Select(int.Parse)], batches = [.. Option("batch", "1,8").Split(',').Select(int.Parse)];

var contenders = new List<Contender>();
Directory.CreateDirectory(models);
foreach (int bits in new[] { 8, 4 })
    foreach (var spelling in Enum.GetValues<Spelling>().Where(s => s == Spelling.Qdq || bits == 8 && (s == Spelling.Float || !onlyQdq)))
    {
        string file = Path.Combine(models, $"deit-s.{spelling}.{bits}.onnx".ToLowerInvariant());
        VitSpeedModel.Build(384, 6, bits, spelling).Write(file);
        if (bits == 8)
            contenders.Add(new Contender(SpeedText.EngineOf(spelling), "onnxruntime", file));
        if (spelling == Spelling.Qdq)
            contenders.Add(new Contender($"LampQ, {bits} bits", "lampq", file));
    }

var workers = options.Where(o => !known.Contains(o.Key)).Select(o => new Worker(o.Key, o.Last())).ToArray();
try
{
    var settings = new List<Setting>();
    foreach (int batch in batches)
        foreach (int count in threads)
        {
            Console.Error.WriteLine($"DeiT-S-like, batch {batch}, {count} threads");
            settings.Add(HeadToHead.Measure("DeiT-S-like", workers, contenders, count, batch, spin, onProcessor, seconds));
        }
    if (options["tiny"].LastOrDefault() is { } pair && pair.Split(',') is [var floatPath, var quantizedPath])
        foreach (int batch in batches)
            foreach (int count in threads)
            {
                Console.Error.WriteLine($"DeiT-Tiny, batch {batch}, {count} threads");
                settings.Add(HeadToHead.Measure("DeiT-Tiny", workers,
                    [new(SpeedText.Float, "onnxruntime", floatPath), new(SpeedText.SameIntegers, "onnxruntime", quantizedPath), new("LampQ", "lampq", quantizedPath)], count, batch, spin, onProcessor, seconds));
            }
    SpeedText.Write(results, Option("title", ""), settings, spin, onProcessor);
}
finally
{
    foreach (var worker in workers)
        worker.Dispose();
}
return 0;
