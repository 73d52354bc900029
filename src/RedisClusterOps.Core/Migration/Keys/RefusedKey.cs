using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Finds out why the target can't take a key, and names the setting and the way back.</summary>
/// <remarks>The questions are optional: a user may lack the permission for them. Nothing follows from what is unknown.</remarks>
internal sealed class RefusedKey(SlotChannel channel, MoveKeys move, StopRequest stop)
{
    private const string BulkLimit = "proto-max-bulk-len";

    private static readonly HashSet<string> OwnTypes = new(StringComparer.Ordinal) { "string", "list", "set", "zset", "hash", "stream" };

    /// <summary>
    /// For a transfer that broke several times: it takes too long, or the target closes the connection at a value this large.
    /// </summary>
    public async Task<(FailureCode Code, string Why, NextAction Next)> BrokenAsync(byte[] key, string reason, MoveOptions options)
    {
        var (bytes, most) = await SizesAsync(key).ConfigureAwait(false);
        if (bytes >= most)
            return TooLarge(key, bytes, most, reason);
        var minutes = Math.Max(5, Math.Ceiling(options.Timeout.TotalMinutes * 5)).ToString("0", CultureInfo.InvariantCulture);
        var limit = options.Timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
        return (
            FailureCode.KeyMoveTimedOut,
            Named(key) + " could not be transferred within " + limit + " s (" + reason + ")",
            move.Again with { Timeout = minutes + "m", Or = MigrateRules.WayBack(move) });
    }

    /// <summary>For a key that the target refused by an error.</summary>
    public async Task<(FailureCode Code, string Why, NextAction Next)> ExplainAsync(MigrateReply reply, byte[] key, string error)
    {
        if (reply == MigrateReply.TryLater)
            return await DownAsync(error).ConfigureAwait(false);
        if (reply != MigrateReply.ValueTooLarge)
            return await UnreadableAsync(key, error).ConfigureAwait(false);
        var (bytes, most) = await SizesAsync(key).ConfigureAwait(false);
        return TooLarge(key, bytes, most, error);
    }

    private (FailureCode Code, string Why, NextAction Next) TooLarge(byte[] key, long? bytes, long? most, string error)
    {
        var size = bytes is null ? " is large" : " takes " + Size(bytes.Value) + " of memory on " + move.Source.Name;
        var limit = most is null ? "that large" : "above " + Size(most.Value);
        var why = Named(key) + size + ", and " + move.Target.Name + " accepts no value " + limit + " (" + BulkLimit + "): " + error;
        return (FailureCode.KeyRefused, why, Next("CONFIG SET " + BulkLimit + " <bytes> on " + move.Target.Name));
    }

    // The memory of the value on the source, and the largest value of the target. The payload may be smaller than the memory.
    private async Task<(long? Bytes, long? Most)> SizesAsync(byte[] key)
    {
        var source = await channel.SourceSideAsync().ConfigureAwait(false);
        var setting = await AskAsync(move.Target, RespCommand.Of("CONFIG", "GET", BulkLimit)).ConfigureAwait(false);
        var text = setting.Items.Count == 2 ? setting.Items[1].Text : null;
        var isKnown = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var most);
        return (await KeyCopy.MemoryAsync(source, key, stop).ConfigureAwait(false), isKnown ? most : null);
    }

    // The node that answers CLUSTERDOWN knows which master has failed. The source passes on the reply of the target.
    private async Task<(FailureCode Code, string Why, NextAction Next)> DownAsync(string error)
    {
        var node = ServerErrors.Contains(error, "Target instance") ? move.Target : move.Source;
        var (code, next) = MigrateRules.FailureOf(MigrateReply.TryLater, move);
        if (!ServerErrors.Contains(error, "CLUSTERDOWN"))
            return (code, error, next);
        try
        {
            return (code, error + (await channel.ReadAsync(node).ConfigureAwait(false)).WhyDown, next);
        }
        catch (RedisOperationException)
        {
            return (code, error, next);
        }
    }

    // Its type needs a module, or its format is newer.
    private async Task<(FailureCode Code, string Why, NextAction Next)> UnreadableAsync(byte[] key, string error)
    {
        var source = await channel.SourceSideAsync().ConfigureAwait(false);
        var type = (await KeyCopy.AskAsync(source, stop, RespCommand.Of("TYPE", key)).ConfigureAwait(false))[0].Text;
        if (type is "" or "none" || OwnTypes.Contains(type))
        {
            var format = Named(key) + " is in a format that " + move.Target.Name + " can't read: " + error;
            return (FailureCode.KeyRefused, format, Next(null));
        }

        var missing = await MissingModulesAsync().ConfigureAwait(false);
        var module = missing.Count > 0 ? "the module " + string.Join(" or ", missing) : "the same version of that module";
        var why = Named(key) + " has the type " + Printable.Clean(type, 40) + " of a module, and " + move.Target.Name + " lacks " + module
            + ": " + error;
        return (FailureCode.KeyRefused, why, Next("MODULE LOAD of that module on " + move.Target.Name));
    }

    // Modules of the source that the target does not have.
    private async Task<IReadOnlyList<string>> MissingModulesAsync()
    {
        var list = RespCommand.Of("MODULE", "LIST");
        var mine = await AskAsync(move.Source, list).ConfigureAwait(false);
        var theirs = await AskAsync(move.Target, list).ConfigureAwait(false);
        if (mine.IsError || theirs.IsError)
            return [];
        return [.. Names(mine).Except(Names(theirs), StringComparer.Ordinal).Select(name => Printable.Clean(name, 60))];

        static IEnumerable<string> Names(RespValue modules) => modules.Items.Select(module => module.Field("name")?.Text ?? string.Empty);
    }

    private async Task<RespValue> AskAsync(ClusterNode node, RespCommand command)
    {
        var connection = await (node == move.Source ? channel.SourceAsync() : channel.TargetAsync()).ConfigureAwait(false);
        return await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
    }

    // Every operation that goes forward meets the same key again. Only the way back works without a change on the target.
    private NextAction Next(string? setting)
    {
        var forward = new NextAction(NextActionCode.Advice) { Note = setting + ", then the same command again" };
        if (MigrateRules.WayBack(move) is { } back)
            return setting is null ? back : back with { Or = forward };
        return setting is null ? new NextAction(NextActionCode.ShowVersions) : forward;
    }

    private static string Named(byte[] key) => "key " + Printable.Clean(Printable.Quote(key), 120);
}
