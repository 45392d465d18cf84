using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Room for a batch of one model input, and for the vector its column gives.</summary>
sealed class InputBuffer<T>(int values) where T : unmanaged
{
    public readonly byte[] Bytes = new byte[checked(values * Unsafe.SizeOf<T>())];
    public VBuffer<T> Value;
}

/// <summary>
/// Buffers of cursors that are done, for the next ones: a batch of 8 images takes 5 MB, which every pass over the data would allocate anew.
/// Never more than cursors were open at once; rows of prediction engines, which ML.NET does not dispose, keep theirs.
/// </summary>
sealed class InputBuffers
{
    readonly ConcurrentDictionary<(Type Item, int Values), ConcurrentBag<object>> kept = [];

    public InputBuffer<T> Take<T>(int values) where T : unmanaged =>
        kept.TryGetValue((typeof(T), values), out var bag) && bag.TryTake(out object? buffer) ? (InputBuffer<T>)buffer : new InputBuffer<T>(values);

    public void GiveBack<T>(InputBuffer<T> buffer) where T : unmanaged =>
        kept.GetOrAdd((typeof(T), buffer.Bytes.Length / Unsafe.SizeOf<T>()), _ => []).Add(buffer);

    public void Clear() => kept.Clear();
}
