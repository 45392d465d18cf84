namespace LampQ.Onnx.Tests;

/// <summary>Real models beside the repository; tests that need them are inconclusive where they are absent.</summary>
static class SharedModels
{
    public const string DeitTiny = "deit_tiny_patch16_224.onnx", VitTiny = "vit_tiny_patch16_224.onnx", VitMnist = "vit4mnist_op17.onnx",
        Plates = "cct_xs_v1_global.onnx", Detector = "deimv2_hgnetv2_atto_coco.onnx";

    public static Model Read(string name) => Model.Read(PathOf(name));

    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

    static string PathOf(string name)
    {
        string? data = Environment.GetEnvironmentVariable("LAMPQ_DATA");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); data is null && folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data")))
                data = Path.Combine(folder.FullName, "shared", "data");
        string path = Path.Combine(data ?? "", "models", name);
        if (!File.Exists(path))
            Assert.Inconclusive($"The shared model {name} is not here; set LAMPQ_DATA to the folder that holds models/.");
        return path;
    }
}
