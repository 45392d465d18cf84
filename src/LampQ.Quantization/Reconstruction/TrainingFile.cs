using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace LampQ.Quantization;

/// <summary>
/// A file that a training goes on from after it was interrupted: the mark "LAMPQTRN", SHA-256 of everything the training depends on (32 bytes), and what the training wrote. It is replaced as a whole, by a file written
/// beside it, so that it is never half of one.
/// </summary>
sealed class TrainingFile
{
    static readonly byte[] mark = Encoding.ASCII.GetBytes("LAMPQTRN");

    readonly string path;
    readonly byte[] fingerprint;

    TrainingFile(string path, byte[] fingerprint) => (this.path, this.fingerprint) = (path, fingerprint);

    /// <summary>The file of a training; null where none is wanted.</summary>
    public static TrainingFile? Of(Reconstruction method, QuantizationPlan plan, ReconstructionTask task) =>
        task.Options.ResumeFile is { } path ? new TrainingFile(path, Fingerprint(method, plan, task)) : null;

    /// <summary>What an earlier run wrote; null where there is no file.</summary>
    /// <exception cref="ArgumentException">The file is of another training, or no such file at all.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public BinaryReader? Open()
    {
        if (!File.Exists(path))
            return null;
        byte[] bytes = File.ReadAllBytes(path);
        int start = mark.Length + fingerprint.Length;
        if (bytes.Length < start || !bytes.AsSpan(0, mark.Length).SequenceEqual(mark))
            throw new ArgumentException($"'{path}' is no file of an interrupted training. Name another file to resume from; it is written where it does not exist yet.");
        if (!bytes.AsSpan(mark.Length, fingerprint.Length).SequenceEqual(fingerprint))
            throw new ArgumentException($"'{path}' holds a training of another model, plan, set of samples or options (it has the fingerprint {Convert.ToHexStringLower(bytes, mark.Length, 6)}, this training {Convert.ToHexStringLower(fingerprint, 0, 6)}). Resume with what it was begun with, or delete it to begin anew.");
        return new BinaryReader(new MemoryStream(bytes, start, bytes.Length - start));
    }

    /// <summary>Replaces what the file holds.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(Action<BinaryWriter> write)
    {
        string beside = $"{path}.new";
        using (var writer = new BinaryWriter(File.Create(beside)))
        {
            writer.Write(mark);
            writer.Write(fingerprint);
            write(writer);
        }
        File.Move(beside, path, overwrite: true);
    }

    /// <summary>Removes the file: the training has ended well.</summary>
    public void Delete() => File.Delete(path);

    /// <summary>SHA-256 of method, options, seed, the float model, the plan as it would be written and its bare numbers, and every sample.</summary>
    static byte[] Fingerprint(Reconstruction method, QuantizationPlan plan, ReconstructionTask task)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Text(method.Name);
        Text(JsonSerializer.Serialize(task.Options with { ResumeFile = null }));
        Text($"{task.Seed} {task.Weights is not null}");
        hash.AppendData(task.Calibration.Model.ToBytes());
        hash.AppendData(new PortableExport(plan, Onnx.WeightContainer.Int8).Apply(task.Calibration.Model).ToBytes());
        foreach (var (name, layer) in plan.Layers.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Text(name);
            Floats(layer.Weights.Dequantize());
            Floats(layer.Bias ?? []);
        }
        var sample = new float[task.Samples.SampleLength];
        for (int i = 0; i < task.Samples.Count; i++)
        {
            task.Samples.Load(i, sample);
            Floats(sample);
        }
        return hash.GetHashAndReset();

        void Text(string text) => hash.AppendData(Encoding.UTF8.GetBytes($"{text}\n"));
        void Floats(float[] values) => hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
