using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Measures a sample of a slot's keys and estimates the memory of all of them.</summary>
internal sealed class SlotLoadReader(NodeProbe probe)
{
    private const int Sample = 100;

    /// <returns>The load, and the name of any key that will move; nulls if the node did not answer.</returns>
    public async Task<(SlotLoad? Load, byte[]? AnyKey)> ReadAsync(MoveKeys move, CancellationToken cancellation)
    {
        if (move.Keys == 0)
            return (null, null);
        var keys = await ListAsync(move, cancellation).ConfigureAwait(false);
        var sizes = keys.Count == 0 ? [] : await MeasureAsync(move, keys, cancellation).ConfigureAwait(false);
        var any = keys.Count == 0 ? null : keys[0].Name;
        if (sizes.Count == 0)
            return (null, any);
        var biggest = sizes.OrderByDescending(size => size.Bytes).First();
        var sampled = sizes.Sum(size => size.Bytes);
        var estimate = move.Keys is { } all && all > sizes.Count ? (long)(sampled * ((double)all / sizes.Count)) : sampled;
        var counted = move.IsWhole ? await AskServerAsync(move, cancellation).ConfigureAwait(false) : null;
        return (new SlotLoad(counted ?? estimate, biggest.Bytes, Printable.Clean(Printable.Quote(biggest.Key), 120)), any);
    }

    private async Task<IReadOnlyList<(int Database, byte[] Name)>> ListAsync(MoveKeys move, CancellationToken cancellation)
    {
        var databases = move.Source.View?.Databases ?? 1;
        var listing = RespCommand.Of("CLUSTER", "GETKEYSINSLOT", move.Slot, Sample);
        var commands = InDatabases(Enumerable.Range(0, databases).Select(database => (database, new[] { listing })), databases);
        if (await AskAsync(move, commands, cancellation).ConfigureAwait(false) is not { } replies)
            return [];
        return commands.Zip(replies, (sent, reply) => (sent, reply))
            .Where(pair => pair.sent.Command == listing && !pair.reply.IsError)
            .SelectMany(pair => pair.reply.Items.Select(key => (pair.sent.Database, key.Bytes)))
            .Take(Sample)
            .ToList();
    }

    private async Task<IReadOnlyList<(byte[] Key, long Bytes)>> MeasureAsync(
        MoveKeys move, IReadOnlyList<(int Database, byte[] Name)> keys, CancellationToken cancellation)
    {
        var questions = keys.GroupBy(key => key.Database, key => RespCommand.Of("MEMORY", "USAGE", key.Name))
            // An importing node answers questions about its keys only behind ASKING.
            .Select(group => (group.Key, group.SelectMany(Question).ToArray()));
        var commands = InDatabases(questions, move.Source.View?.Databases ?? 1);
        if (await AskAsync(move, commands, cancellation).ConfigureAwait(false) is not { } replies)
            return [];
        return commands.Zip(replies, (sent, reply) => (Sent: sent.Command, Reply: reply))
            .Where(pair => pair.Sent.Arguments.Count == 3 && pair.Reply.Kind == RespKind.Integer)
            .Select(pair => (pair.Sent.Arguments[2], pair.Reply.Integer))
            .ToList();

        RespCommand[] Question(RespCommand usage) => move.IsReverse ? [RespCommand.Of("ASKING"), usage] : [usage];
    }

    // The server's own count is exact. It includes memory-bytes only if that is enabled.
    private async Task<long?> AskServerAsync(MoveKeys move, CancellationToken cancellation)
    {
        if (move.Source.View?.Facts is not { Engine: ServerEngine.Redis } facts || !facts.IsAtLeast(8, 4))
            return null;
        var asked = RespCommand.Of("CLUSTER", "SLOT-STATS", "SLOTSRANGE", move.Slot, move.Slot);
        var replies = await probe.AskAsync(move.Source, [asked], cancellation).ConfigureAwait(false);
        // [[slot, [name, value, …]]]
        if (replies?[0].Items is not { Count: 1 } slots || slots[0].Items is not { Count: 2 } stats)
            return null;
        return stats[1].Field("memory-bytes")?.Integer;
    }

    // Null after a failed SELECT, too: the replies behind it are about another database.
    private async Task<IReadOnlyList<RespValue>?> AskAsync(
        MoveKeys move, List<(int Database, RespCommand Command)> commands, CancellationToken cancellation)
    {
        if (commands.Count == 0)
            return null;
        var sent = commands.Select(part => part.Command).ToList();
        var replies = await probe.AskAsync(move.Source, sent, cancellation).ConfigureAwait(false);
        return replies is null || sent.Where((command, i) => replies[i].IsError && command.Arguments.Count == 2).Any() ? null : replies;
    }

    // Afterwards the connection is in database 0 again.
    private static List<(int Database, RespCommand Command)> InDatabases(
        IEnumerable<(int Database, RespCommand[] Commands)> parts, int databases)
    {
        var commands = new List<(int, RespCommand)>();
        foreach (var part in parts)
        {
            if (databases > 1)
                commands.Add((part.Database, RespCommand.Of("SELECT", part.Database)));
            commands.AddRange(part.Commands.Select(command => (part.Database, command)));
        }

        if (databases > 1)
            commands.Add((0, RespCommand.Of("SELECT", 0)));
        return commands;
    }
}
