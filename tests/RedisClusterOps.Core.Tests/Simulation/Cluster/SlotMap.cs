using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// Divides the slots into five parts: two single slots that can move and have keys, and three ranges without keys between them. So the
/// view of all slots is five small numbers.
/// </summary>
internal static class SlotMap
{
    public const int Moving = 5519;
    public const int Beside = 16383;
    public const int MovingPart = 1;
    public const int BesidePart = 4;
    public const int Parts = 5;

    public static readonly SlotRange[] Ranges = [new(0, 5518), new(5519, 5519), new(5520, 10922), new(10923, 16382), new(16383, 16383)];

    private static readonly byte[] PartOfSlot =
        [.. Enumerable.Range(0, HashSlot.Count).Select(slot => (byte)Array.FindIndex(Ranges, range => slot <= range.Last))];
    private static readonly Dictionary<int, string> Tags = new()
    {
        [Moving] = "{user:loadtest_user_33:reservations}",
        [Beside] = "{" + TagOf(Beside) + "}",
    };


    public static int PartOf(int slot) => PartOfSlot[slot];

    public static int PartOf(byte[] key) => PartOfSlot[HashSlot.Of(key)];

    /// <summary>A key of one of the two single slots. Each character of its name is one byte.</summary>
    public static string KeyOf(int slot, string ending) => Tags[slot] + ending;

    public static byte[] Bytes(string key) => Encoding.Latin1.GetBytes(key);

    public static string Name(byte[] key) => Encoding.Latin1.GetString(key);

    private static string TagOf(int slot)
    {
        for (var i = 0; ; i++)
        {
            var tag = "t" + i;
            if (HashSlot.Of(Encoding.ASCII.GetBytes(tag)) == slot)
                return tag;
        }
    }
}
