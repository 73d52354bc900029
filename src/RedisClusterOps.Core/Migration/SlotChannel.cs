using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>The two nodes that keys of a slot go between, seen through one database.</summary>
internal sealed class SlotChannel(ClusterReader reader, MoveKeys move, StopRequest stop)
{
    private readonly Dictionary<string, (INodeConnection Connection, int Database)> _selected = new(StringComparer.Ordinal);

    /// <summary>The database that both ends are in.</summary>
    public int Database { get; set; }

    public Task<INodeConnection> SourceAsync() => ConnectAsync(move.Source);

    public Task<INodeConnection> TargetAsync() => ConnectAsync(move.Target);

    /// <summary>The command that lists keys of the slot; the same ones again for as long as they are there.</summary>
    public RespCommand Listing(int most) => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", move.Slot, Math.Max(1, most));

    public async Task<IReadOnlyList<byte[]>> ListAsync(int most)
    {
        var source = await SourceAsync().ConfigureAwait(false);
        return Keys(await source.SendAsync(Listing(most), stop.Abort).ConfigureAwait(false));
    }

    public static IReadOnlyList<byte[]> Keys(RespValue reply) => reply.Items.Select(item => item.Bytes).ToList();

    /// <summary>Of these keys the ones that the source still has. One that has left answers ASK there, not 0.</summary>
    public async Task<List<byte[]>> StillOnSourceAsync(IReadOnlyList<byte[]> keys)
    {
        if (keys.Count == 0)
            return [];
        var source = await SourceAsync().ConfigureAwait(false);
        var commands = keys.Select(key => RespCommand.Of("EXISTS", key)).ToList();
        var replies = await source.ReadPatientlyAsync(commands, stop.Abort).ConfigureAwait(false);
        return keys.Where((_, i) => IsThere(i)).ToList();

        // Any other error says nothing about the key, and to take it for gone would be to report it moved.
        bool IsThere(int i) => !(replies[i].IsError && ServerErrors.StartsWith(replies[i].Text, "ASK ")) && replies[i].OrThrow(source.Endpoint, commands[i]).Integer > 0;
    }

    /// <summary>Of these keys the ones that the importing target has.</summary>
    public async Task<List<byte[]>> OnTargetAsync(IReadOnlyList<byte[]> keys)
    {
        if (keys.Count == 0)
            return [];
        var target = await TargetAsync().ConfigureAwait(false);
        var commands = keys.SelectMany(key => new[] { RespCommand.Of("ASKING"), RespCommand.Of("EXISTS", key) }).ToList();
        var replies = await target.ReadPatientlyAsync(commands, stop.Abort).ConfigureAwait(false);
        replies[0].OrThrow(target.Endpoint, commands[0]);
        return keys.Where((_, i) => replies[2 * i + 1].OrThrow(target.Endpoint, commands[2 * i + 1]).Integer > 0).ToList();
    }

    /// <summary>True while the source migrates the slot to the target and the target imports it from the source.</summary>
    public async Task<bool> IsOpenAsync()
    {
        var source = await reader.ReadNodeAsync(move.Source, stop.Abort).ConfigureAwait(false);
        var target = await reader.ReadNodeAsync(move.Target, stop.Abort).ConfigureAwait(false);
        return source.Self.MigratingTo.TryGetValue(move.Slot, out var to) && to == move.Target.Id
            && target.Self.ImportingFrom.TryGetValue(move.Slot, out var from) && from == move.Source.Id;
    }

    /// <summary>The least of a few round trips to the source: what the network takes is no stall of the servers.</summary>
    public async Task<TimeSpan> RoundTripAsync()
    {
        var source = await SourceAsync().ConfigureAwait(false);
        var least = TimeSpan.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var clock = Stopwatch.StartNew();
            await source.AskAsync(RespCommand.Of("PING"), stop.Abort).ConfigureAwait(false);
            least = clock.Elapsed < least ? clock.Elapsed : least;
        }

        return least;
    }

    // A new connection is in database 0, also one that replaced another in the middle of the work.
    private async Task<INodeConnection> ConnectAsync(ClusterNode node)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var selected = _selected.TryGetValue(node.Id, out var last) && ReferenceEquals(last.Connection, connection) ? last.Database : 0;
        if (selected != Database)
            await connection.SendAsync(RespCommand.Of("SELECT", Database.ToString(CultureInfo.InvariantCulture)), stop.Abort).ConfigureAwait(false);
        _selected[node.Id] = (connection, Database);
        return connection;
    }
}
