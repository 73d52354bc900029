using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Connections to the source and the target of a slot's keys, both in the same database.</summary>
internal sealed class SlotChannel(ClusterReader reader, MoveKeys move, StopRequest stop)
{
    /// <summary>The database of the keys on both ends.</summary>
    public int Database { get; set; }

    public Task<INodeConnection> SourceAsync() => ConnectAsync(move.Source);

    public Task<INodeConnection> TargetAsync() => ConnectAsync(move.Target);

    public async Task<SlotSide> SourceSideAsync() => new(await SourceAsync().ConfigureAwait(false), move.IsReverse);

    public async Task<SlotSide> TargetSideAsync() => new(await TargetAsync().ConfigureAwait(false), move.TargetImports);

    /// <summary>The command that lists keys of the slot. It returns the same keys as long as they exist.</summary>
    public RespCommand Listing(int most) => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", move.Slot, Math.Max(1, most));

    public async Task<IReadOnlyList<byte[]>> ListAsync(int most)
    {
        var source = await SourceAsync().ConfigureAwait(false);
        return Keys(await source.SendAsync(Listing(most), stop.Abort).ConfigureAwait(false));
    }

    public static IReadOnlyList<byte[]> Keys(RespValue reply) => reply.Items.Select(item => item.Bytes).ToList();

    /// <summary>The keys among these that the source still has.</summary>
    public async Task<List<byte[]>> StillOnSourceAsync(IReadOnlyList<byte[]> keys) =>
        await ExistingAsync(await SourceSideAsync().ConfigureAwait(false), keys).ConfigureAwait(false);

    /// <summary>The keys among these that the target has.</summary>
    public async Task<List<byte[]>> OnTargetAsync(IReadOnlyList<byte[]> keys) =>
        await ExistingAsync(await TargetSideAsync().ConfigureAwait(false), keys).ConfigureAwait(false);

    // For a key that has left it, a migrating source answers ASK, not 0. Any other error says nothing about the key, which must then not
    // be reported as moved.
    private async Task<List<byte[]>> ExistingAsync(SlotSide side, IReadOnlyList<byte[]> keys)
    {
        if (keys.Count == 0)
            return [];
        var replies = await KeyCopy.AskAsync(side, stop, [.. keys.Select(key => RespCommand.Of("EXISTS", key))]).ConfigureAwait(false);
        return keys.Where((_, i) => !replies[i].IsNull && replies[i].Integer > 0).ToList();
    }

    /// <summary>The present view of one of the two nodes.</summary>
    public Task<NodeView> ReadAsync(ClusterNode node) => reader.ReadNodeAsync(node, stop.Abort);

    /// <summary>True if the flags are as the move needs them.</summary>
    public async Task<bool> IsOpenAsync()
    {
        var source = await ReadAsync(move.Source).ConfigureAwait(false);
        var target = await ReadAsync(move.Target).ConfigureAwait(false);
        if (move.IsReverse)
        {
            return source.Self.ImportingFrom.ContainsKey(move.Slot)
                && (move.TargetImports ? target.Self.ImportingFrom.ContainsKey(move.Slot) : target.Self.Slots.Contains(move.Slot));
        }

        return source.Self.MigratingTo.TryGetValue(move.Slot, out var to) && to == move.Target.Id
            && target.Self.ImportingFrom.TryGetValue(move.Slot, out var from) && from == move.Source.Id;
    }

    private Task<INodeConnection> ConnectAsync(ClusterNode node) => reader.ConnectAsync(node, Database, stop.Abort);
}

/// <summary>One of the two nodes that keys move between, as a client sees it.</summary>
/// <param name="Connection">The node.</param>
/// <param name="Asks">True if the node imports the slot: it then serves a key only after ASKING.</param>
internal readonly record struct SlotSide(INodeConnection Connection, bool Asks);

/// <summary>
/// Is thrown when the slot is not as a step expects it: the cluster is to be read and planned again. Carries the failure to report if that
/// does not help.
/// </summary>
internal sealed class SlotChangedException(RedisOperationException failure) : Exception(failure.Message, failure)
{
    public RedisOperationException Failure { get; } = failure;
}
