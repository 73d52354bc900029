using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace RedisClusterOps.Cluster;

/// <summary>Computes the slot of a key: CRC16 (XMODEM) of the key or its hash tag, modulo 16384, as in the cluster specification.</summary>
internal static class HashSlot
{
    /// <summary>The number of slots of a cluster.</summary>
    public const int Count = 16384;

    private static readonly ushort[] Crc16 = MakeTable();

    /// <summary>The slot of a key, 0 to 16383.</summary>
    public static int Of(byte[] key)
    {
        var (start, length) = HashedPart(key);
        ushort crc = 0;
        for (var i = start; i < start + length; i++)
            crc = (ushort)((crc << 8) ^ Crc16[(crc >> 8) ^ key[i]]);
        return crc % Count;
    }

    /// <summary>The hash tag: the part between the first '{' and the next '}'; null if there is none or it is empty.</summary>
    public static byte[]? TagOf(byte[] key)
    {
        var (start, length) = HashedPart(key);
        if (start == 0)
            return null;
        var tag = new byte[length];
        Array.Copy(key, start, tag, 0, length);
        return tag;
    }

    /// <summary>A hash tag for each of these slots, in no particular order.</summary>
    public static IEnumerable<string> TagsIn(IEnumerable<int> slots)
    {
        var wanted = new HashSet<int>(slots);
        for (var number = 0; wanted.Count > 0; number++)
        {
            var tag = number.ToString(CultureInfo.InvariantCulture);
            if (wanted.Remove(Of(Encoding.ASCII.GetBytes(tag))))
                yield return tag;
        }
    }

    // A tag starts after its brace, so never at 0. A start of 0 means the whole key.
    private static (int Start, int Length) HashedPart(byte[] key)
    {
        var open = Array.IndexOf(key, (byte)'{');
        var close = open < 0 ? -1 : Array.IndexOf(key, (byte)'}', open + 1);
        return close > open + 1 ? (open + 1, close - open - 1) : (0, key.Length);
    }

    private static ushort[] MakeTable()
    {
        var table = new ushort[256];
        for (var i = 0; i < table.Length; i++)
        {
            var crc = (ushort)(i << 8);
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
            table[i] = crc;
        }

        return table;
    }
}
