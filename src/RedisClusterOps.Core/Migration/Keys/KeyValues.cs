using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Checks whether two copies of a key hold the same value.</summary>
/// <remarks>
/// Equal DUMPs are equal values. Different DUMPs may differ only in encoding or in the order of members, so the members are compared then.
/// DEBUG DIGEST-VALUE, which redis-cli uses, is disabled by default since Redis 7.0.
/// </remarks>
internal static class KeyValues
{
    /// <summary>Reading the members of a larger copy would block the server for too long. Such a pair counts as different.</summary>
    public const int LargestComparedDump = 64 * 1024 * 1024;

    public static async Task<bool> AreEqualAsync(
        SlotSide source, KeyCopy sourceCopy, SlotSide target, KeyCopy targetCopy, byte[] key, StopRequest stop)
    {
        if (sourceCopy.Type != targetCopy.Type)
            return false;
        if (sourceCopy.Dump is not null && KeyBytes.Comparer.Equals(sourceCopy.Dump, targetCopy.Dump))
            return true;
        if (sourceCopy.Dump?.Length > LargestComparedDump || targetCopy.Dump?.Length > LargestComparedDump)
            return false;
        if (Reading(sourceCopy.Type, key) is not { } reading)
            return false;
        try
        {
            return await HaveEqualMembersAsync(source, target, reading, sourceCopy.Type, key, stop).ConfigureAwait(false);
        }
        catch (RedisServerException refusal) when (refusal.Code == FailureCode.PermissionDenied)
        {
            // The permission to move keys does not include reading them. Values that can't be compared count as different.
            return false;
        }
    }

    private static async Task<bool> HaveEqualMembersAsync(
        SlotSide source,
        SlotSide target,
        (RespCommand[] Commands, int Width, bool Ordered) reading,
        string type,
        byte[] key,
        StopRequest stop)
    {
        var mine = await KeyCopy.AskAsync(source, stop, reading.Commands).ConfigureAwait(false);
        var theirs = await KeyCopy.AskAsync(target, stop, reading.Commands).ConfigureAwait(false);
        var areSame = mine.Zip(theirs, (a, b) => reading.Ordered ? SameOrder(a, b) : SameMembers(a, b, reading.Width, type == "zset"));
        return areSame.All(same => same)
            && (type != "hash" || await SameFieldExpiryAsync(source, target, mine[0], key, stop).ConfigureAwait(false));
    }

    // The commands that read the whole value, the number of reply elements per member, and whether the order is part of the value.
    private static (RespCommand[] Commands, int Width, bool Ordered)? Reading(string type, byte[] key) => type switch
    {
        "string" => ([RespCommand.Of("GET", key)], 1, true),
        "list" => ([RespCommand.Of("LRANGE", key, 0, -1)], 1, true),
        "set" => ([RespCommand.Of("SMEMBERS", key)], 1, false),
        "hash" => ([RespCommand.Of("HGETALL", key)], 2, false),
        "zset" => ([RespCommand.Of("ZRANGE", key, 0, -1, "WITHSCORES")], 2, false),
        _ => null,
    };

    private static bool SameOrder(RespValue a, RespValue b) => KeyBytes.Comparer.Equals(a.Bytes, b.Bytes)
        && a.Items.Count == b.Items.Count
        && a.Items.Zip(b.Items, SameOrder).All(same => same);

    private static bool SameMembers(RespValue a, RespValue b, int width, bool scores)
    {
        if (a.Items.Count != b.Items.Count)
            return false;
        var members = new Dictionary<byte[], byte[]>(KeyBytes.Comparer);
        for (var i = 0; i + width <= a.Items.Count; i += width)
            members[a.Items[i].Bytes] = a.Items[i + width - 1].Bytes;
        for (var i = 0; i + width <= b.Items.Count; i += width)
        {
            var other = b.Items[i + width - 1].Bytes;
            if (!members.TryGetValue(b.Items[i].Bytes, out var value)
                || !(KeyBytes.Comparer.Equals(value, other) || (scores && SameScore(value, other))))
                return false;
        }

        return true;
    }

    // Versions format scores differently: 0.1 and 0.10000000000000001.
    private static bool SameScore(byte[] a, byte[] b) => Score(a) is { } one && Score(b) is { } other && one.Equals(other);

    private static double? Score(byte[] text) =>
        double.TryParse(Encoding.ASCII.GetString(text), NumberStyles.Float, CultureInfo.InvariantCulture, out var score) ? score : null;

    // Hash fields can expire individually since Redis 7.4. A server without the command does not have the feature.
    private static async Task<bool> SameFieldExpiryAsync(SlotSide source, SlotSide target, RespValue fields, byte[] key, StopRequest stop)
    {
        var names = fields.Items.Where((_, i) => i % 2 == 0).Select(item => item.Bytes).ToArray();
        var arguments = new object[] { "HPEXPIRETIME", key, "FIELDS", names.Length };
        var command = RespCommand.Of([.. arguments, .. names]);
        var mine = await ExpiriesAsync(source).ConfigureAwait(false);
        var theirs = await ExpiriesAsync(target).ConfigureAwait(false);
        return mine.Zip(theirs, (a, b) => a < 0 || b < 0 ? a < 0 && b < 0 : Math.Abs(a - b) <= 2000).All(same => same);

        async Task<IEnumerable<long>> ExpiriesAsync(SlotSide side)
        {
            RespCommand[] commands = side.Asks ? [RespCommand.Of("ASKING"), command] : [command];
            var reply = (await side.Connection.SendAsync(commands, null, stop.Abort).ConfigureAwait(false))[commands.Length - 1];
            return reply.IsError && ServerErrors.Contains(reply.Text, "unknown command")
                ? Enumerable.Repeat(-1L, names.Length)
                : reply.OrThrow(side.Connection.Endpoint, command).Items.Select(item => item.Integer);
        }
    }
}
