using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>A slot whose migration <see cref="LabWedge"/> stopped half-way.</summary>
internal sealed record WedgedSlot(int Slot, NodeEndpoint Source, NodeEndpoint Target, IReadOnlyList<byte[]> Keys, int Moved);

/// <summary>The result of reading keys back.</summary>
/// <param name="Right">Keys with the value that was written.</param>
/// <param name="Missing">Keys that do not exist.</param>
/// <param name="Wrong">Keys with another value.</param>
/// <param name="Unreadable">Keys whose read returned an error.</param>
internal sealed record ReadBack(int Right, int Missing, int Wrong, int Unreadable)
{
    public bool IsComplete => Missing == 0 && Wrong == 0 && Unreadable == 0;
}

/// <summary>Brings a slot into the state of the runbook: its migration started, moved some keys and stopped.</summary>
internal sealed class LabWedge(ConnectionOptions connection, IReadOnlyList<NodeEndpoint> nodes)
{
    /// <summary>The runbook's slot. <see cref="DefaultKey"/> hashes to it.</summary>
    public const int DefaultSlot = 5519;

    public const string DefaultKey = "user:loadtest_user_33:reservations";

    public const int DefaultKeys = 150;

    public const int DefaultMoved = 50;

    private const int KeysPerMigrate = 100;

    private readonly NodeConnector _connector = new(connection);

    /// <summary>Writes keys to the slot's owner, opens the slot towards another master, moves some of the keys and stops there.</summary>
    /// <param name="target">Null for the master with the fewest slots.</param>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="keys">How many keys to write.</param>
    /// <param name="moved">How many of them to move, 0 to <paramref name="keys"/>. The first key moves last.</param>
    /// <param name="cancellation">Stops between two commands.</param>
    public async Task<WedgedSlot> WedgeAsync(
        NodeEndpoint? target = null,
        int slot = DefaultSlot,
        int keys = DefaultKeys,
        int moved = DefaultMoved,
        CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(moved);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(moved, keys);
        using var connections = new ClusterConnections(_connector);
        var entry = await connections.GetAsync(nodes[0], cancellation);
        var lines = ClusterNodesParser.Parse((await entry.SendAsync(RespCommand.Of("CLUSTER", "NODES"), cancellation)).Text);
        var owner = lines.FirstOrDefault(line => line.IsMaster && line.Slots.Contains(slot))
            ?? throw new LabException("Slot " + slot + " has no owner.");
        var importer = lines
            .Where(line => line.IsMaster && line.Id != owner.Id && line.Endpoint is not null && (target is null || line.Endpoint == target))
            .OrderBy(line => line.Slots.Count).FirstOrDefault()
            ?? throw new LabException("There is no other master to open slot " + slot + " to.");
        var source = await connections.GetAsync(AddressOf(owner), cancellation);
        var destination = await connections.GetAsync(AddressOf(importer), cancellation);

        var names = KeysOf(slot, keys);
        foreach (var part in names.Chunk(KeysPerMigrate))
            await SendAllAsync(source, [.. part.Select(key => RespCommand.Of("SET", key, ValueOf(key)))], cancellation);
        await destination.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.Id), cancellation);
        await source.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", slot, "MIGRATING", importer.Id), cancellation);
        foreach (var part in names.Reverse().Take(moved).Chunk(KeysPerMigrate))
            await source.SendAsync(Migrate(destination.Endpoint, part), cancellation);
        return new WedgedSlot(slot, source.Endpoint, destination.Endpoint, names, moved);
    }

    /// <summary>Reads the keys as an application does, following every redirect.</summary>
    public async Task<ReadBack> ReadBackAsync(int slot = DefaultSlot, int keys = DefaultKeys, CancellationToken cancellation = default)
    {
        using var client = new RedirectFollower(_connector, nodes[0]);
        int right = 0, missing = 0, wrong = 0, unreadable = 0;
        foreach (var key in KeysOf(slot, keys))
        {
            var reply = await client.AskAsync(key, RespCommand.Of("GET", key), cancellation);
            if (reply.IsError)
                unreadable++;
            else if (reply.IsNull)
                missing++;
            else if (reply.Text == ValueOf(key))
                right++;
            else
                wrong++;
        }

        return new ReadBack(right, missing, wrong, unreadable);
    }

    /// <summary>The names of the keys that are written. In the default slot the first is <see cref="DefaultKey"/>.</summary>
    public static IReadOnlyList<byte[]> KeysOf(int slot, int count)
    {
        var tag = slot == DefaultSlot ? DefaultKey : TagFor(slot);
        return [.. Enumerable.Range(0, count).Select(i => Encoding.UTF8.GetBytes(
            i == 0 ? tag : "{" + tag + "}:" + i.ToString("D4", CultureInfo.InvariantCulture)))];
    }

    /// <summary>The value of a key. It derives from the name alone, so that it can be checked later.</summary>
    public static string ValueOf(byte[] key) => "value of " + Encoding.UTF8.GetString(key);

    private static string TagFor(int slot) => Enumerable.Range(0, int.MaxValue)
        .Select(i => "lab:" + i.ToString(CultureInfo.InvariantCulture))
        .First(tag => HashSlot.Of(Encoding.UTF8.GetBytes(tag)) == slot);

    private static NodeEndpoint AddressOf(NodeLine line) =>
        line.Endpoint ?? throw new LabException("Node " + line.Id + " has no address yet.");

    // Always the KEYS form: Garnet fails on the form with a single key.
    private RespCommand Migrate(NodeEndpoint to, byte[][] keys)
    {
        object[] login = connection switch
        {
            { Password: null } => [],
            { User: null } => ["AUTH", connection.Password],
            _ => ["AUTH2", connection.User, connection.Password],
        };
        return RespCommand.Of(["MIGRATE", to.Host, to.Port, "", 0, 5000, .. login, "KEYS", .. keys]);
    }

    private static async Task SendAllAsync(INodeConnection to, RespCommand[] commands, CancellationToken cancellation)
    {
        var replies = await to.SendAsync(commands, null, cancellation);
        for (var i = 0; i < commands.Length; i++)
            replies[i].OrThrow(to.Endpoint, commands[i]);
    }
}
