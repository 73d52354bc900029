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
    private const int SlotsPerBatch = 100;

    // What PrepareAsync has read, until it is used.
    private readonly Dictionary<(string SourceId, int Slot), (SlotLoad? Load, byte[]? AnyKey)> _prepared = [];

    /// <summary>Measures many slots in a few pipelined batches. <see cref="ReadAsync"/> then returns what was measured.</summary>
    public async Task PrepareAsync(IEnumerable<MoveKeys> moves, CancellationToken cancellation)
    {
        // A slot with more keys is estimated, and asked about by itself.
        var sources = moves.Where(move => move.Keys is > 0 and <= Sample && (move.Source.View?.Databases ?? 1) == 1)
            .GroupBy(move => move.Source.Id);
        foreach (var all in sources.Select(source => source.ToList()))
        {
            for (var next = 0; next < all.Count; next += SlotsPerBatch)
                await PrepareBatchAsync(all.Skip(next).Take(SlotsPerBatch).ToList(), cancellation).ConfigureAwait(false);
        }
    }

    private async Task PrepareBatchAsync(List<MoveKeys> moves, CancellationToken cancellation)
    {
        var source = moves[0].Source;
        var listing = moves.Select(move => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", move.Slot, Sample)).ToList();
        if (await probe.AskAsync(source, listing, cancellation).ConfigureAwait(false) is not { } listed)
            return;
        var keys = moves.SelectMany((move, i) => listed[i].IsError ? [] : listed[i].Items.Select(key => (Move: move, Name: key.Bytes)))
            .ToList();
        var questions = keys.SelectMany(key => Question(key.Move, RespCommand.Of("MEMORY", "USAGE", key.Name))).ToList();
        var replies = questions.Count == 0 ? null : await probe.AskAsync(source, questions, cancellation).ConfigureAwait(false);
        var answers = replies?.Where((_, i) => questions[i].Arguments.Count == 3).ToList();
        if (answers is null || answers.Count != keys.Count)
            return;
        var sizes = keys.Zip(answers, (key, reply) => (key.Move, key.Name, Reply: reply)).ToLookup(size => size.Move);
        foreach (var move in moves)
        {
            var measured = sizes[move].Where(size => size.Reply.Kind == RespKind.Integer)
                .Select(size => (size.Name, size.Reply.Integer)).ToList();
            // Without a measured key the slot is read by itself.
            if (measured.Count > 0)
                _prepared[(move.Source.Id, move.Slot)] = (LoadOf(move, measured, null), measured[0].Name);
        }
    }

    /// <returns>The load, and the name of any key that will move; nulls if the node did not answer.</returns>
    public async Task<(SlotLoad? Load, byte[]? AnyKey)> ReadAsync(MoveKeys move, CancellationToken cancellation)
    {
        if (move.Keys == 0)
            return (null, null);
        if (_prepared.TryGetValue((move.Source.Id, move.Slot), out var prepared))
        {
            _prepared.Remove((move.Source.Id, move.Slot));
            return prepared;
        }

        var keys = await ListAsync(move, cancellation).ConfigureAwait(false);
        var sizes = keys.Count == 0 ? [] : await MeasureAsync(move, keys, cancellation).ConfigureAwait(false);
        var any = keys.Count == 0 ? null : keys[0].Name;
        if (sizes.Count == 0)
            return (null, any);
        var counted = move.IsWhole ? await AskServerAsync(move, cancellation).ConfigureAwait(false) : null;
        return (LoadOf(move, sizes, counted), any);
    }

    private static SlotLoad LoadOf(MoveKeys move, IReadOnlyList<(byte[] Key, long Bytes)> sizes, long? counted)
    {
        var biggest = sizes.OrderByDescending(size => size.Bytes).First();
        var sampled = sizes.Sum(size => size.Bytes);
        var estimate = move.Keys is { } all && all > sizes.Count ? (long)(sampled * ((double)all / sizes.Count)) : sampled;
        return new SlotLoad(counted ?? estimate, biggest.Bytes, Printable.Clean(Printable.Quote(biggest.Key), 120));
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
            .Select(group => (group.Key, group.SelectMany(usage => Question(move, usage)).ToArray()));
        var commands = InDatabases(questions, move.Source.View?.Databases ?? 1);
        if (await AskAsync(move, commands, cancellation).ConfigureAwait(false) is not { } replies)
            return [];
        return commands.Zip(replies, (sent, reply) => (Sent: sent.Command, Reply: reply))
            .Where(pair => pair.Sent.Arguments.Count == 3 && pair.Reply.Kind == RespKind.Integer)
            .Select(pair => (pair.Sent.Arguments[2], pair.Reply.Integer))
            .ToList();
    }

    // An importing node answers questions about its keys only behind ASKING.
    private static RespCommand[] Question(MoveKeys move, RespCommand usage) =>
        move.IsReverse ? [RespCommand.Of("ASKING"), usage] : [usage];

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
