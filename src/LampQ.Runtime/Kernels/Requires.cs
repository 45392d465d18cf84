namespace LampQ.Runtime;

/// <summary>What every operation asks of the values a model gives it.</summary>
static class Requires
{
    public static void Positive(long value, string name)
    {
        if (value < 1)
            throw new InvalidDataException($"{name} is {value}; at least 1 is expected.");
    }

    public static void ZeroPoint(int value, string name)
    {
        if (value is < 0 or > 255)
            throw new InvalidDataException($"{name} is {value}; the zero point of uint8 codes is 0 to 255.");
    }

    /// <summary>Scales divide and multiply, so they are finite and above 0.</summary>
    public static void Scale(float value, string name)
    {
        if (!(value > 0) || !float.IsFinite(value))
            throw new InvalidDataException($"{name} is {value}; a finite number above 0 is expected.");
    }

    public static void Length<T>(T[] values, long expected, string name)
    {
        if (values.Length != expected)
            throw new InvalidDataException($"{name} has {values.Length} elements; {expected} are expected.");
    }

    public static void Finite(float[] values, string name)
    {
        for (int i = 0; i < values.Length; i++)
            if (!float.IsFinite(values[i]))
                throw new InvalidDataException($"{name}[{i}] is {values[i]}; a finite number is expected.");
    }
}
