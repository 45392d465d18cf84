using System.Globalization;
using System.Text;

namespace LampQ.Demo;

/// <summary>
/// The hidden verb <c>draw --seed S --count N --output FOLDER</c>: writes images.npy (bytes [N, 32, 32, 3]), labels.npy (bytes [N])
/// and classes.txt for the training script in eng/embedded, so that C# stays the only source of the pictures.
/// </summary>
static class DrawCommand
{
    const string Usage = "Usage: draw --seed S --count N --output FOLDER (S from 0, N from 1).";

    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (!TryParse(arguments, out var seed, out var count, out var folder))
        {
            Console.Error.WriteLine($"The arguments are '{string.Join(' ', arguments)}'. {Usage}");
            return 2;
        }

        var images = new byte[(long)count * ShapeImages.Length];
        var labels = new byte[count];
        Parallel.For(0, count, i => labels[i] = (byte)ShapeImages.Draw(seed, i, images.AsSpan(i * ShapeImages.Length, ShapeImages.Length)));

        Directory.CreateDirectory(folder);
        WriteNpy(Path.Combine(folder, "images.npy"), $"{count}, {ShapeImages.Size}, {ShapeImages.Size}, 3", images);
        WriteNpy(Path.Combine(folder, "labels.npy"), $"{count},", labels);
        File.WriteAllLines(Path.Combine(folder, "classes.txt"), ShapeImages.ClassNames);
        return 0;
    }

    static bool TryParse(ReadOnlySpan<string> arguments, out ulong seed, out int count, out string folder)
    {
        (seed, count, folder) = (0, 0, "");
        if (arguments.Length != 6)
            return false;
        var (hasSeed, hasCount) = (false, false);
        for (var i = 0; i < arguments.Length; i += 2)
            switch (arguments[i])
            {
                case "--seed":
                    hasSeed = ulong.TryParse(arguments[i + 1], CultureInfo.InvariantCulture, out seed);
                    break;
                case "--count":
                    // One array holds all pictures.
                    hasCount = int.TryParse(arguments[i + 1], CultureInfo.InvariantCulture, out count) && count > 0 && count <= Array.MaxLength / ShapeImages.Length;
                    break;
                case "--output":
                    folder = arguments[i + 1];
                    break;
            }
        return hasSeed && hasCount && folder.Length > 0;
    }

    // NPY version 1.0: magic, version, header length (little endian), a Python dictionary padded with spaces so that
    // the data starts at a multiple of 64 bytes, then the elements in row-major order (numpy.lib.format).
    static void WriteNpy(string path, string shape, byte[] data)
    {
        const int PrefixLength = 10;
        var dictionary = $"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}";
        var length = (PrefixLength + dictionary.Length + 1 + 63) / 64 * 64 - PrefixLength;
        using var file = File.Create(path);
        file.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)length, (byte)(length >> 8)]);
        file.Write(Encoding.ASCII.GetBytes(dictionary.PadRight(length - 1) + "\n"));
        file.Write(data);
    }
}
