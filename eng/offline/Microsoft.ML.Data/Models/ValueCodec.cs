using System.Collections;
using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>How the values of a type stand in a block of <see cref="BinaryView"/>: numbers one after the other; text as ends and one string; vectors as lengths and items.</summary>
abstract class ValueCodec(DataViewType type, string name)
{
    public DataViewType Type => type;

    public static ValueCodec? Of(DataViewType type) => type switch
    {
        KeyDataViewType key => new KeyCodec(key, Of(NumberDataViewType.All.Single(n => n.RawType == key.RawType))!),
        VectorDataViewType vector when Of(vector.ItemType) is { } item => (ValueCodec)Activator.CreateInstance(typeof(VectorCodec<>).MakeGenericType(vector.ItemType.RawType), vector, item)!,
        TextDataViewType => new TextCodec(),
        BooleanDataViewType => new BooleanCodec(),
        NumberDataViewType number => (ValueCodec)Activator.CreateInstance(typeof(NumberCodec<>).MakeGenericType(number.RawType), number)!,
        _ => null,
    };

    public void WriteTo(BinaryWriter writer)
    {
        var parameters = new MemoryStream();
        WriteParameters(new BinaryWriter(parameters, Encoding.UTF8));
        writer.Write(name);
        writer.Write7BitEncodedInt64(parameters.Length);
        writer.Write(parameters.ToArray());
    }

    public static ValueCodec ReadFrom(BinaryReader reader)
    {
        string name = reader.ReadString();
        reader.Read7BitEncodedInt64();
        switch (name)
        {
            case "TextSpan":
                return new TextCodec();
            case "Boolean":
                return new BooleanCodec();
            case "Key2":
                var number = ReadFrom(reader);
                return Of(new KeyDataViewType(number.Type.RawType, reader.ReadUInt64()))!;
            case "VBuffer":
                var item = ReadFrom(reader);
                int[] axes = new int[reader.ReadInt32()];
                for (int i = 0; i < axes.Length; i++)
                    axes[i] = reader.ReadInt32();
                return Of(new VectorDataViewType((PrimitiveDataViewType)item.Type, axes.Length == 0 ? [0] : axes))!;
            default:
                return NumberDataViewType.All.FirstOrDefault(n => n.RawType.Name == name) is { } type ? Of(type)! : throw new FormatException($"Did not recognize value codec signature '{name}'.");
        }
    }

    public ColumnWriter OpenWriter(DataViewRow row, DataViewSchema.Column column) => new(this, row, column);

    public IList NewList() => (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(Type.RawType))!;

    public abstract void Write(BinaryWriter writer, IList values);

    public abstract void Read(BinaryReader reader, int count, IList values);

    protected virtual void WriteParameters(BinaryWriter writer) { }

    public sealed class ColumnWriter(ValueCodec codec, DataViewRow row, DataViewSchema.Column column)
    {
        readonly IList values = codec.NewList();
        readonly Action<IList> add = (Action<IList>)Generic.Call(typeof(ColumnWriter), nameof(Adder), column.Type.RawType, row, column)!;

        public void Add() => add(values);

        public void Commit(BinaryWriter writer)
        {
            codec.Write(writer, values);
            writer.Flush();
        }

        static Action<IList> Adder<T>(DataViewRow row, DataViewSchema.Column column)
        {
            var get = row.GetGetter<T>(column);
            return list =>
            {
                T value = default!;
                get(ref value);
                ((List<T>)list).Add(value);
            };
        }
    }

    sealed class NumberCodec<T>(NumberDataViewType type) : ValueCodec(type, type.RawType.Name) where T : unmanaged
    {
        public override void Write(BinaryWriter writer, IList values) => writer.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan((List<T>)values)));

        public override void Read(BinaryReader reader, int count, IList values)
        {
            var items = new T[count];
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(items.AsSpan()));
            ((List<T>)values).AddRange(items);
        }
    }

    sealed class KeyCodec(KeyDataViewType type, ValueCodec number) : ValueCodec(type, "Key2")
    {
        public override void Write(BinaryWriter writer, IList values) => number.Write(writer, values);

        public override void Read(BinaryReader reader, int count, IList values) => number.Read(reader, count, values);

        protected override void WriteParameters(BinaryWriter writer)
        {
            number.WriteTo(writer);
            writer.Write(((KeyDataViewType)Type).Count);
        }
    }

    sealed class BooleanCodec() : ValueCodec(BooleanDataViewType.Instance, "Boolean")
    {
        public override void Write(BinaryWriter writer, IList values)
        {
            byte[] bits = new byte[(values.Count + 7) / 8];
            new BitArray([.. (List<bool>)values]).CopyTo(bits, 0);
            writer.Write(bits);
        }

        public override void Read(BinaryReader reader, int count, IList values)
        {
            var bits = new BitArray(reader.ReadBytes((count + 7) / 8));
            for (int i = 0; i < count; i++)
                values.Add(bits[i]);
        }
    }

    sealed class TextCodec() : ValueCodec(TextDataViewType.Instance, "TextSpan")
    {
        public override void Write(BinaryWriter writer, IList values)
        {
            var texts = (List<ReadOnlyMemory<char>>)values;
            writer.Write(texts.Count);
            int end = 0;
            foreach (var text in texts)
                writer.Write(end += text.Length);
            writer.Write(string.Concat(texts.Select(t => t.ToString())));
        }

        public override void Read(BinaryReader reader, int count, IList values)
        {
            int[] ends = new int[reader.ReadInt32()];
            for (int i = 0; i < ends.Length; i++)
                ends[i] = reader.ReadInt32() & int.MaxValue;
            string all = reader.ReadString();
            for (int i = 0; i < count; i++)
                values.Add(all.AsMemory((i == 0 ? 0 : ends[i - 1])..ends[i]));
        }
    }

    sealed class VectorCodec<T>(VectorDataViewType type, ValueCodec item) : ValueCodec(type, "VBuffer")
    {
        public override void Write(BinaryWriter writer, IList values)
        {
            var vectors = (List<VBuffer<T>>)values;
            writer.Write(vectors.Count);
            if (type.IsKnownSize)
                writer.Write(type.Size);
            else
            {
                writer.Write(0);
                foreach (var vector in vectors)
                    writer.Write(vector.Length);
            }
            foreach (var _ in vectors)
                writer.Write(-1);
            writer.Write(0);
            item.Write(writer, vectors.SelectMany(v => v.DenseValues()).ToList());
        }

        public override void Read(BinaryReader reader, int count, IList values)
        {
            int vectors = reader.ReadInt32(), size = reader.ReadInt32();
            int[] Ints(int n) => [.. Enumerable.Range(0, n).Select(_ => reader.ReadInt32())];
            int[] lengths = size > 0 ? [.. Enumerable.Repeat(size, vectors)] : Ints(vectors);
            int[] counts = Ints(vectors), indices = Ints(reader.ReadInt32());
            var items = new List<T>();
            item.Read(reader, counts.Zip(lengths, (c, l) => c < 0 ? l : c).Sum(), items);
            int at = 0, index = 0;
            for (int i = 0; i < vectors; i++)
            {
                bool dense = counts[i] < 0;
                int used = dense ? lengths[i] : counts[i];
                values.Add(new VBuffer<T>(lengths[i], used, [.. items.GetRange(at, used)], dense ? null : indices[index..(index + used)]));
                at += used;
                index += dense ? 0 : used;
            }
        }

        protected override void WriteParameters(BinaryWriter writer)
        {
            item.WriteTo(writer);
            writer.Write(type.Dimensions.Length);
            foreach (int axis in type.Dimensions)
                writer.Write(axis);
        }
    }
}
