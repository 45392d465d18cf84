using LampQ.Onnx;
using LampQ.Quantization.Tests;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary>A folder with a tiny float model and images for it.</summary>
sealed class Workplace : IDisposable
{
    internal const int Pictures = 7;

    readonly TestFolder folder = new();

    internal Workplace(TinyVit? vit = null)
    {
        Vit = vit ?? new TinyVit();
        Vit.Build().Write(Model);
        Directory.CreateDirectory(this["images"]);
        var random = new Random(11);
        byte[] pixels = new byte[3 * Vit.ImageSize * Vit.ImageSize];
        for (int i = 0; i < Pictures; i++)
        {
            random.NextBytes(pixels);
            Write($"images/{i}.png", TestImages.Png(Vit.ImageSize, Vit.ImageSize, pixels));
        }
    }

    internal TinyVit Vit { get; }

    internal string this[string name] => folder[name];

    internal string Model => this["model.onnx"];

    internal string Images => this["images"];

    internal string Output => this["out.onnx"];

    internal string Write(string name, byte[] content) => folder.Write(name, content);

    internal string Write(string name, string content) => folder.Write(name, content);

    /// <summary>Writes a model and gives its path.</summary>
    internal string Write(string name, Model model)
    {
        model.Write(this[name]);
        return this[name];
    }

    /// <summary>quantize with little work: one block's worth of images, no refinement.</summary>
    internal CliRun Quantize(params string[] more) =>
        CliRun.Of(["quantize", Model, "-o", Output, "--data", Images, "--refinement-steps", "0", .. more]);

    /// <summary>Writes float images as .npy [count, 3, size, size] and says what the model predicts for each, by ONNX Runtime alone.</summary>
    internal (string[] Files, int[] Predictions) WriteArrays(int count)
    {
        using var session = new OnnxSession(Vit.Build());
        var files = new string[count];
        var predictions = new int[count];
        for (int i = 0; i < count; i++)
        {
            var image = Vit.Images(seed: 100 + i);
            files[i] = $"{i}.npy";
            Write(files[i], NumPy(image));
            float[] scores = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = image })[0].ToFloats();
            predictions[i] = Array.IndexOf(scores, scores.Max());
        }
        return (files, predictions);
    }

    // NumPy's format, version 1.0: magic, header length, a Python dictionary padded to 64 bytes, data.
    static byte[] NumPy(Tensor tensor)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Join(", ", tensor.Shape.Skip(1))}), }}";
        header = header.PadRight((10 + header.Length + 1 + 63) / 64 * 64 - 11) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. System.Text.Encoding.ASCII.GetBytes(header), .. tensor.Bytes.Span];
    }

    public void Dispose() => folder.Dispose();
}
