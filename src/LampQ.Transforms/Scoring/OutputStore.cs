using System.Runtime.InteropServices;
using LampQ.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Keeps what a run computed for one model output, row by row.</summary>
abstract class OutputStore
{
    public static OutputStore Of(ModelPort port) => (OutputStore)Generic.Call(typeof(OutputStore), nameof(Create), port.Item.RawType, port);

    /// <summary>Keeps the values of a batch.</summary>
    /// <param name="bytes">All of them, row after row.</param>
    /// <param name="rows">Rows in the batch.</param>
    public abstract void Keep(ReadOnlySpan<byte> bytes, int rows);

    /// <summary>A getter of the row whose place the function gives; it has the batch computed first.</summary>
    public abstract Delegate Getter(Func<int> scoredSlot);

    static OutputStore Create<T>(ModelPort port) where T : unmanaged => new Typed<T>(port);

    sealed class Typed<T>(ModelPort port) : OutputStore where T : unmanaged
    {
        T[] values = [];
        int size;

        public override void Keep(ReadOnlySpan<byte> bytes, int rows)
        {
            var all = MemoryMarshal.Cast<byte, T>(bytes);
            if (all.Length % rows != 0 || (port.Size > 0 && all.Length != (long)rows * port.Size))
                throw new InvalidDataException($"The model gave {all.Length:N0} values for its output '{port.Name}' of {rows} rows; expected {port.AxesText} a row.");
            size = all.Length / rows;
            if (values.Length < all.Length)
                values = new T[all.Length];
            all.CopyTo(values);
        }

        public override Delegate Getter(Func<int> scoredSlot) => new ValueGetter<VBuffer<T>>((ref VBuffer<T> value) =>
        {
            int slot = scoredSlot();
            var editor = VBufferEditor.Create(ref value, size);
            values.AsSpan(slot * size, size).CopyTo(editor.Values);
            value = editor.Commit();
        });
    }
}
