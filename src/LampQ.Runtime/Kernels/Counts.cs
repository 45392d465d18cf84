namespace LampQ.Runtime;

/// <summary>A number the compiler sees: loops and branches over it are gone when the code is made.</summary>
interface ICount
{
    static abstract int Value { get; }
}

struct One : ICount { public static int Value => 1; }

struct Two : ICount { public static int Value => 2; }

struct Three : ICount { public static int Value => 3; }

struct Four : ICount { public static int Value => 4; }

struct Five : ICount { public static int Value => 5; }

struct Six : ICount { public static int Value => 6; }

struct Seven : ICount { public static int Value => 7; }
