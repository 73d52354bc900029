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
/// Equal DUMPs are equal values. Different DUMPs may differ only in encoding or in the order of members, so the members are compared then,
/// in pieces and up to the first difference. So a value of any size takes little memory here, and its nodes serve clients in between.
/// DEBUG DIGEST-VALUE, which redis-cli uses, is disabled by default since Redis 7.0.
/// </remarks>
internal sealed class KeyValues
{
    // A piece takes about a millisecond on the server. Without the size of the value, its members may be large.
    private const int MostMembers = 1000;
    private const int MostMembersOfUnknownSize = 100;
    private const long MostBytes = 1024 * 1024;

    private readonly SlotSide _source;
    private readonly SlotSide _target;
    private readonly byte[] _key;
    private readonly long? _memory;
    private readonly StopRequest _stop;

    private KeyValues(SlotSide source, SlotSide target, byte[] key, long? memory, StopRequest stop)
    {
        (_source, _target) = (source, target);
        _key = key;
        _memory = memory;
        _stop = stop;
    }

    public static async Task<bool> AreEqualAsync(
        SlotSide source, KeyCopy sourceCopy, SlotSide target, KeyCopy targetCopy, byte[] key, StopRequest stop)
    {
        if (sourceCopy.Type != targetCopy.Type)
            return false;
        if (sourceCopy.Dump is not null && KeyBytes.Comparer.Equals(sourceCopy.Dump, targetCopy.Dump))
            return true;
        try
        {
            return await new KeyValues(source, target, key, sourceCopy.Memory, stop).AreEqualAsync(sourceCopy.Type).ConfigureAwait(false);
        }
        catch (RedisOperationException refusal) when (CanNotBeRead(refusal))
        {
            return false;
        }
    }

    // Values that can't be compared count as different: a person decides. The permission to move keys does not include reading them, an
    // old server may lack a command, and one member may be larger than the limit of a reply.
    private static bool CanNotBeRead(RedisOperationException refusal) =>
        refusal.Code is FailureCode.PermissionDenied or FailureCode.ReplyTooLarge
        || (refusal is RedisServerException { ServerError: var error } && ServerErrors.Contains(error, "unknown"));

    private async Task<bool> AreEqualAsync(string type)
    {
        switch (type)
        {
            case "string":
                return await InRangesAsync("STRLEN", "GETRANGE", IsSame).ConfigureAwait(false);
            case "list":
                return await InRangesAsync("LLEN", "LRANGE", IsSame).ConfigureAwait(false);
            case "zset":
                return await InRangesAsync("ZCARD", "ZRANGE", IsSameScored, "WITHSCORES").ConfigureAwait(false);
            case "set":
                return await InScanAsync("SCARD", "SSCAN", 1, AreMembersAsync).ConfigureAwait(false);
            case "hash":
                return await InScanAsync("HLEN", "HSCAN", 2, AreFieldsAsync).ConfigureAwait(false);
            case "stream":
                return await new StreamValues(BothAsync).AreEqualAsync(_key, PieceOf(await LengthAsync("XLEN").ConfigureAwait(false)))
                    .ConfigureAwait(false);
            default:
                return false;
        }
    }

    // The order is part of the value. The length is read again at the end: a client may have shifted the members meanwhile.
    private async Task<bool> InRangesAsync(string length, string range, Func<RespValue, RespValue, bool> isSame, params string[] with)
    {
        if (await LengthAsync(length).ConfigureAwait(false) is not { } count)
            return false;
        var piece = range == "GETRANGE" ? MostBytes : PieceOf(count);
        for (var first = 0L; first < count; first += piece)
        {
            var (mine, theirs) = await BothAsync(RespCommand.Of([range, _key, first, first + piece - 1, .. with])).ConfigureAwait(false);
            if (!isSame(mine, theirs))
                return false;
        }

        return await LengthAsync(length).ConfigureAwait(false) == count;
    }

    // As many members on both sides, and each member of the source on the target, too.
    private async Task<bool> InScanAsync(string length, string scan, int width, Func<List<byte[]>, List<byte[]>, Task<bool>> areThere)
    {
        if (await LengthAsync(length).ConfigureAwait(false) is not { } count)
            return false;
        var (cursor, piece) = ("0", PieceOf(count));
        do
        {
            var reply = await OfAsync(_source, RespCommand.Of(scan, _key, cursor, "COUNT", piece)).ConfigureAwait(false);
            if (reply.Items.Count != 2)
                return false;
            cursor = reply.Items[0].Text;
            var items = reply.Items[1].Items.Select(item => item.Bytes).ToList();
            var members = items.Where((_, i) => i % width == 0).ToList();
            if (members.Count > 0 && !await areThere(members, items).ConfigureAwait(false))
                return false;
        }
        while (cursor != "0");

        return await LengthAsync(length).ConfigureAwait(false) == count;
    }

    private async Task<bool> AreMembersAsync(List<byte[]> members, List<byte[]> items)
    {
        var reply = await OfAsync(_target, RespCommand.Of(["SMISMEMBER", _key, .. members])).ConfigureAwait(false);
        return reply.Items.Count == members.Count && reply.Items.All(found => found.Integer == 1);
    }

    private async Task<bool> AreFieldsAsync(List<byte[]> fields, List<byte[]> items)
    {
        var values = (await OfAsync(_target, RespCommand.Of(["HMGET", _key, .. fields])).ConfigureAwait(false)).Items;
        return values.Count == fields.Count
            && values.Where((value, i) => value.IsNull || !KeyBytes.Comparer.Equals(value.Bytes, items[2 * i + 1])).Any() is false
            && await HaveSameExpiryAsync(fields).ConfigureAwait(false);
    }

    // Hash fields can expire individually since Redis 7.4. A server without the command does not have the feature.
    private async Task<bool> HaveSameExpiryAsync(List<byte[]> fields)
    {
        var command = RespCommand.Of(["HPEXPIRETIME", _key, "FIELDS", fields.Count, .. fields]);
        var mine = await ExpiriesAsync(_source).ConfigureAwait(false);
        var theirs = await ExpiriesAsync(_target).ConfigureAwait(false);
        return mine.Zip(theirs, (a, b) => a < 0 || b < 0 ? a < 0 && b < 0 : Math.Abs(a - b) <= 2000).All(same => same);

        async Task<IEnumerable<long>> ExpiriesAsync(SlotSide side)
        {
            RespCommand[] commands = side.Asks ? [RespCommand.Of("ASKING"), command] : [command];
            var reply = (await side.Connection.SendAsync(commands, null, _stop.Abort).ConfigureAwait(false))[commands.Length - 1];
            return reply.IsError && ServerErrors.Contains(reply.Text, "unknown command")
                ? Enumerable.Repeat(-1L, fields.Count)
                : reply.OrThrow(side.Connection.Endpoint, command).Items.Select(item => item.Integer);
        }
    }

    // Null if the lengths differ, or if a copy has moved since.
    private async Task<long?> LengthAsync(string command)
    {
        var (mine, theirs) = await BothAsync(RespCommand.Of(command, _key)).ConfigureAwait(false);
        return mine.Kind == RespKind.Integer && theirs.Kind == RespKind.Integer && mine.Integer == theirs.Integer ? mine.Integer : null;
    }

    private int PieceOf(long? members) => _memory is not { } memory ? MostMembersOfUnknownSize
        : (int)Math.Max(1, Math.Min(MostMembers, MostBytes * Math.Max(1, members ?? 1) / Math.Max(1, memory)));

    private async Task<(RespValue Mine, RespValue Theirs)> BothAsync(RespCommand command) =>
        (await OfAsync(_source, command).ConfigureAwait(false), await OfAsync(_target, command).ConfigureAwait(false));

    private async Task<RespValue> OfAsync(SlotSide side, RespCommand command)
    {
        _stop.ThrowIfRequested();
        return (await KeyCopy.AskAsync(side, _stop, command).ConfigureAwait(false))[0];
    }

    private static bool IsSame(RespValue a, RespValue b) => KeyBytes.Comparer.Equals(a.Bytes, b.Bytes)
        && a.Items.Count == b.Items.Count
        && a.Items.Zip(b.Items, IsSame).All(same => same);

    private static bool IsSameScored(RespValue a, RespValue b) => a.Items.Count == b.Items.Count
        && a.Items.Where((mine, i) => !KeyBytes.Comparer.Equals(mine.Bytes, b.Items[i].Bytes)
            && !(i % 2 == 1 && IsSameScore(mine.Bytes, b.Items[i].Bytes))).Any() is false;

    // Versions format scores differently: 0.1 and 0.10000000000000001.
    private static bool IsSameScore(byte[] a, byte[] b) => Score(a) is { } one && Score(b) is { } other && one.Equals(other);

    private static double? Score(byte[] text) =>
        double.TryParse(Encoding.ASCII.GetString(text), NumberStyles.Float, CultureInfo.InvariantCulture, out var score) ? score : null;
}

/// <summary>Compares two streams: entries, groups, consumers and pending entries. Idle times do not count, because they pass.</summary>
/// <param name="ask">Sends a command to both sides.</param>
internal sealed class StreamValues(Func<RespCommand, Task<(RespValue Mine, RespValue Theirs)>> ask)
{
    private static readonly string[] OfStream = ["length", "last-generated-id", "max-deleted-entry-id", "entries-added", "groups"];
    private static readonly string[] OfGroup = ["name", "last-delivered-id", "entries-read", "consumers", "pending"];

    public async Task<bool> AreEqualAsync(byte[] key, int piece)
    {
        if (!await AreAlikeAsync(key).ConfigureAwait(false))
            return false;
        var areSame = await InPiecesAsync(
            from => RespCommand.Of("XRANGE", key, from, "+", "COUNT", piece), entry => entry).ConfigureAwait(false);
        var (groups, others) = await ask(RespCommand.Of("XINFO", "GROUPS", key)).ConfigureAwait(false);
        if (!areSame || !HaveSame(groups.Items, others.Items, OfGroup))
            return false;
        foreach (var name in groups.Items.Select(group => group.Field("name")!.Bytes))
        {
            // [id, consumer, idle time, deliveries]
            var arePending = await InPiecesAsync(
                from => RespCommand.Of("XPENDING", key, name, from, "+", piece),
                entry => RespValue.Array([.. entry.Items.Where((_, i) => i != 2)])).ConfigureAwait(false);
            var (mine, theirs) = await ask(RespCommand.Of("XINFO", "CONSUMERS", key, name)).ConfigureAwait(false);
            if (!arePending || !HaveSame(mine.Items, theirs.Items, ["name", "pending"]))
                return false;
        }

        return await AreAlikeAsync(key).ConfigureAwait(false);
    }

    private async Task<bool> AreAlikeAsync(byte[] key)
    {
        var (mine, theirs) = await ask(RespCommand.Of("XINFO", "STREAM", key)).ConfigureAwait(false);
        return HaveSame([mine], [theirs], OfStream);
    }

    private async Task<bool> InPiecesAsync(Func<string, RespCommand> command, Func<RespValue, RespValue> compared)
    {
        for (var from = "-"; ;)
        {
            var (mine, theirs) = await ask(command(from)).ConfigureAwait(false);
            if (mine.Items.Count != theirs.Items.Count
                || !mine.Items.Zip(theirs.Items, (a, b) => IsSame(compared(a), compared(b))).All(same => same))
                return false;
            if (mine.Items.Count == 0)
                return true;
            from = "(" + mine.Items[mine.Items.Count - 1].Items[0].Text;
        }
    }

    // A field that a server does not report is no difference.
    private static bool HaveSame(IReadOnlyList<RespValue> mine, IReadOnlyList<RespValue> theirs, string[] fields) =>
        mine.Count == theirs.Count && mine.Zip(theirs, (a, b) => fields.All(field =>
            a.Field(field) is not { } one || b.Field(field) is not { } other || IsSame(one, other))).All(same => same);

    private static bool IsSame(RespValue a, RespValue b) => a.Integer == b.Integer
        && KeyBytes.Comparer.Equals(a.Bytes, b.Bytes)
        && a.Items.Count == b.Items.Count
        && a.Items.Zip(b.Items, IsSame).All(same => same);
}
