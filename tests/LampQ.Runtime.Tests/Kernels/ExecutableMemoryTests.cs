using System.Globalization;
using System.Runtime.InteropServices;

namespace LampQ.Runtime.Tests;

[TestClass]
public sealed unsafe class ExecutableMemoryTests
{
    static ReadOnlySpan<byte> Return42 => [0xB8, 42, 0, 0, 0, 0xC3]; // mov eax, 42; ret

    [TestMethod]
    public void Place_Code_CanBeCalled()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            Assert.Inconclusive("The code is x64.");
        nint address = ExecutableMemory.Place(Return42, out string? refusal);
        Assert.IsNull(refusal);
        Assert.AreEqual(42, ((delegate* unmanaged[Cdecl]<int>)address)());
    }

    [TestMethod]
    public void Place_Code_IsNotWritableWhereItIsExecutable()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Only Linux shows its pages in /proc.");
        nint address = ExecutableMemory.Place(Return42, out _);
        string rights = File.ReadLines("/proc/self/maps").Select(line => line.Split(' ')).Single(fields => Holds(fields[0], address))[1];
        Assert.AreEqual("r-xp", rights);

        static bool Holds(string range, nint address)
        {
            long[] ends = [.. range.Split('-').Select(end => long.Parse(end, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
            return ends[0] <= address && address < ends[1];
        }
    }

    // No system maps 0 bytes: a refusal that needs no hardened machine.
    [TestMethod]
    public void Place_WhatTheSystemRefuses_ReturnsTheReason()
    {
        Assert.AreEqual(0, ExecutableMemory.Place([], out string? refusal));
        StringAssert.StartsWith(refusal, "the system refused memory (");
    }
}
