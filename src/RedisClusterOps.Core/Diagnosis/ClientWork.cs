using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>The work of an application that is measured: where it connects, and which keys it uses.</summary>
internal sealed record ClientWork
{
    /// <summary>The masters, at their announced addresses.</summary>
    public IReadOnlyList<NodeEndpoint> Masters { get; init; } = [];

    /// <summary>The address to dial for an announced one.</summary>
    public Func<NodeEndpoint, NodeEndpoint> Dialled { get; init; } = announced => announced;

    /// <summary>How to connect. Contains the password.</summary>
    public ConnectionOptions Connection { get; init; } = new();

    /// <summary>Operations per second.</summary>
    public int Rate { get; init; }

    /// <summary>The keys of each read, all of one slot.</summary>
    public IReadOnlyList<byte[][]> Reads { get; init; } = [];

    /// <summary>The counters to increment; empty to write nothing.</summary>
    public IReadOnlyList<byte[]> Counters { get; init; } = [];

    /// <summary>Replaces the record's own text, which would list the keys.</summary>
    public override string ToString() => nameof(ClientWork);
}

/// <summary>Chooses the keys of an application: existing ones of the slots in question, and missing names for slots without keys.</summary>
internal sealed class ClientKeys(ClusterReader reader)
{
    /// <summary>All keys that an application writes begin with this.</summary>
    public const string Prefix = "redisclusterops:client:";

    // Enough to meet both ends of an open slot, few enough to choose them in a moment.
    private const int MostReads = 1000;
    private const int MostKeysOfSlot = 50;
    private const int KeysOfMaster = 20;
    private const int MostCounters = 100;
    private const int SlotsPerRoundTrip = 1000;

    /// <summary>Chooses keys, reads no value.</summary>
    /// <exception cref="RedisOperationException">A node is unreachable, or the user may not list its keys.</exception>
    public async Task<(IReadOnlyList<byte[][]> Reads, IReadOnlyList<byte[]> Counters)> ChooseAsync(
        ClusterView view, ClientOptions options, CancellationToken cancellation)
    {
        var keys = new Dictionary<int, List<byte[]>>();
        foreach (var key in options.Keys ?? [])
            Add(Encoding.UTF8.GetBytes(key));
        if (options.Slots is not null)
            await AddOfSlotsAsync(options.Slots.ToList()).ConfigureAwait(false);
        else if (options.Keys is null)
            await AddOfMastersAsync().ConfigureAwait(false);

        if (keys.Count == 0 || !view.Masters.Any(master => master.IsReachable))
        {
            throw new RedisOperationException(
                FailureCode.NotSupported,
                "No reachable master owns a slot, so an application has no key to read. Nothing was measured.",
                null,
                new NextAction(NextActionCode.CheckCluster));
        }

        // The same choice in each run; in an open slot, the keys of both ends are mixed.
        var random = new Random(0);
        var reads = new List<byte[][]>();
        foreach (var slot in keys)
            reads.AddRange(Reads([.. slot.Value.OrderBy(_ => random.Next())], options.MultiKey));
        var used = reads.OrderBy(_ => random.Next()).Take(MostReads).ToList();
        return (used, options.Write ? Counters(keys.Keys.OrderBy(_ => random.Next()).Take(MostCounters)) : []);

        void Add(byte[] key)
        {
            var slot = HashSlot.Of(key);
            if (!keys.TryGetValue(slot, out var of))
                keys.Add(slot, of = []);
            if (!of.Any(known => known.SequenceEqual(key)))
                of.Add(key);
        }

        async Task AddOfSlotsAsync(IReadOnlyList<int> slots)
        {
            var most = Math.Max(2, Math.Min(MostKeysOfSlot, MostReads / Math.Max(1, slots.Count)));
            foreach (var end in slots.SelectMany(slot => EndsOf(view, slot).Select(id => (Id: id, Slot: slot))).GroupBy(end => end.Id))
            {
                if (view.Node(end.Key) is not { IsReachable: true } node)
                    continue;
                var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
                var commands = end.Select(of => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", of.Slot, most)).ToList();
                for (var start = 0; start < commands.Count; start += SlotsPerRoundTrip)
                {
                    var part = commands.Skip(start).Take(SlotsPerRoundTrip).ToList();
                    var replies = await connection.SendAsync(part, null, cancellation).ConfigureAwait(false);
                    foreach (var key in replies.Zip(part, (reply, command) => reply.OrThrow(connection.Endpoint, command))
                        .SelectMany(reply => reply.Items))
                    {
                        Add(key.Bytes);
                    }
                }
            }

            AddMissing(slots.Where(slot => !keys.ContainsKey(slot)));
        }

        async Task AddOfMastersAsync()
        {
            var open = view.OpenFlags.Select(flag => flag.Slot).Distinct().ToList();
            await AddOfSlotsAsync(open).ConfigureAwait(false);
            foreach (var owner in view.SlotsByOwner)
            {
                if (owner.Value.Count == 0 || view.Node(owner.Key) is not { IsReachable: true } node)
                    continue;
                var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
                var command = RespCommand.Of("RANDOMKEY");
                var replies = await connection.SendAsync([.. Enumerable.Repeat(command, KeysOfMaster)], null, cancellation)
                    .ConfigureAwait(false);
                // Garnet has no RANDOMKEY.
                if (replies[0].IsError && ServerErrors.Contains(replies[0].Text, "unknown command"))
                {
                    command = RespCommand.Of("SCAN", 0, "COUNT", KeysOfMaster);
                    var scanned = await connection.SendAsync([command], null, cancellation).ConfigureAwait(false);
                    replies = [.. scanned[0].OrThrow(connection.Endpoint, command).Items[1].Items.Take(KeysOfMaster)];
                }

                foreach (var key in replies.Select(reply => reply.OrThrow(connection.Endpoint, command)).Where(reply => !reply.IsNull))
                    Add(key.Bytes);
                AddMissing(replies.All(reply => reply.IsNull) ? [owner.Value.Ranges[0].First] : []);
            }
        }

        void AddMissing(IEnumerable<int> slots)
        {
            foreach (var key in KeysIn(slots, "missing"))
                Add(key);
        }
    }

    /// <summary>Names in these slots, such as <c>redisclusterops:client:{3560}:name</c>.</summary>
    internal static IReadOnlyList<byte[]> KeysIn(IEnumerable<int> slots, string name) =>
        [.. HashSlot.TagsIn(slots).Select(tag => Encoding.ASCII.GetBytes(Prefix + "{" + tag + "}:" + name))];

    // Another application that is measured at the same time has counters of its own.
    private static IReadOnlyList<byte[]> Counters(IEnumerable<int> slots) => KeysIn(slots, Guid.NewGuid().ToString("N").Substring(0, 8));

    private static IEnumerable<byte[][]> Reads(IReadOnlyList<byte[]> keys, bool isMultiKey)
    {
        if (!isMultiKey)
            return keys.Select(key => new[] { key });
        return keys.Count == 1 ? [[keys[0], Sibling(keys[0])]] : keys.Select((key, i) => new[] { key, keys[(i + 1) % keys.Count] });
    }

    // A name without a tag is the tag of its sibling.
    private static byte[] Sibling(byte[] key) => HashSlot.TagOf(key) is not null || Array.IndexOf(key, (byte)'}') >= 0 || key.Length == 0
        ? KeysIn([HashSlot.Of(key)], "other")[0]
        : [(byte)'{', .. key, (byte)'}', .. Encoding.ASCII.GetBytes(":missing")];

    private static IEnumerable<string> EndsOf(ClusterView view, int slot)
    {
        var ends = view.FlagsOf(slot).SelectMany(flag => new[] { flag.NodeId, flag.PeerId });
        return (view.OwnerOf(slot) is { } owner ? ends.Append(owner) : ends).Distinct();
    }
}
