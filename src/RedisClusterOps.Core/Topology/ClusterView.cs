using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

namespace RedisClusterOps.Topology;

/// <summary>A flag on a master's own line: the slot is leaving for, or coming from, the peer.</summary>
internal readonly record struct OpenFlag(int Slot, string NodeId, bool IsMigrating, string PeerId);

/// <summary>The whole cluster at one moment: every node's own view, merged. Immutable.</summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, ClusterNode> _byId;
    private readonly string?[] _owners;
    private readonly ILookup<int, OpenFlag> _flags;
    private readonly Lazy<IReadOnlyDictionary<int, IReadOnlyList<string>>> _claims;

    public ClusterView(IReadOnlyList<ClusterNode> nodes, DateTime takenAtUtc)
    {
        Nodes = nodes;
        TakenAtUtc = takenAtUtc;
        _byId = nodes.ToDictionary(node => node.Id, StringComparer.Ordinal);
        Masters = nodes.Where(node => node.IsMaster).ToList();
        OpenFlags = ReadOpenFlags();
        _flags = OpenFlags.ToLookup(flag => flag.Slot);
        _claims = new Lazy<IReadOnlyDictionary<int, IReadOnlyList<string>>>(ReadContestedClaims);
        _owners = MergeOwners();
        Fingerprint = FingerprintOf(_owners);
    }

    /// <summary>All known nodes, by id.</summary>
    public IReadOnlyList<ClusterNode> Nodes { get; }

    public IReadOnlyList<ClusterNode> Masters { get; }

    public DateTime TakenAtUtc { get; }

    /// <summary>The flags of every master's own line. Flags of other nodes are copies that Valkey keeps on replicas, and mean nothing.</summary>
    public IReadOnlyList<OpenFlag> OpenFlags { get; }

    public IEnumerable<OpenFlag> FlagsOf(int slot) => _flags[slot];

    /// <summary>Changes when, and only when, the owner of any slot changes.</summary>
    public string Fingerprint { get; }

    public IEnumerable<ClusterNode> Unreachable => Nodes.Where(node => !node.IsReachable);

    /// <summary>Slots that more than one master claims on its own line, with the claimants, highest config epoch first.</summary>
    public IReadOnlyDictionary<int, IReadOnlyList<string>> ContestedClaims => _claims.Value;

    public ClusterNode? Node(string id) => _byId.TryGetValue(id, out var node) ? node : null;

    /// <summary>Id of the slot's owner; null where nobody owns it.</summary>
    /// <remarks>
    /// A master's own line decides; of several claimants the highest config epoch, as the servers themselves decide.
    /// Where no master that answered claims it, a master that did not answer keeps what the others believe to be its own.
    /// A master that answered and does not claim a slot does not own it, whatever the others still believe.
    /// </remarks>
    public string? OwnerOf(int slot) => _owners[slot];

    public SlotSet SlotsOf(string id) => SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => _owners[slot] == id));

    /// <summary>Slots without an owner.</summary>
    public SlotSet UnownedSlots => SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => _owners[slot] is null));

    /// <summary>The present master of a node's shard: itself, or the master it replicates since a failover.</summary>
    public ClusterNode? ShardMaster(string id)
    {
        var node = Node(id);
        for (var hops = 0; node is { IsMaster: false } && hops < 4; hops++)
            node = node.Line.MasterId is { } master ? Node(master) : null;
        return node is { IsMaster: true } ? node : null;
    }

    /// <summary>Nodes that answered and believe in another owner of the slot, with the owner they believe in (null: none).</summary>
    public IReadOnlyList<(ClusterNode Node, string? Owner)> Dissenters(int slot, string? owner) => Nodes
        .Where(node => node.View is not null && node.View.OwnerOf(slot) != owner)
        .Select(node => (node, node.View!.OwnerOf(slot)))
        .ToList();

    /// <summary>Slots about which any node that answered believes otherwise than <see cref="OwnerOf"/>.</summary>
    public SlotSet DisputedSlots() => SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(IsDisputed));

    private bool IsDisputed(int slot)
    {
        foreach (var node in Nodes)
        {
            if (node.View is not null && node.View.OwnerOf(slot) != _owners[slot])
                return true;
        }

        return false;
    }

    private List<OpenFlag> ReadOpenFlags()
    {
        var flags = new List<OpenFlag>();
        foreach (var node in Masters.Where(node => node.IsReachable))
        {
            flags.AddRange(node.View!.Self.MigratingTo.Select(flag => new OpenFlag(flag.Key, node.Id, true, flag.Value)));
            flags.AddRange(node.View!.Self.ImportingFrom.Select(flag => new OpenFlag(flag.Key, node.Id, false, flag.Value)));
        }

        return flags.OrderBy(flag => flag.Slot).ThenByDescending(flag => flag.IsMigrating).ThenBy(flag => flag.NodeId, StringComparer.Ordinal).ToList();
    }

    private IReadOnlyDictionary<int, IReadOnlyList<string>> ReadContestedClaims()
    {
        var claims = new Dictionary<int, IReadOnlyList<string>>();
        foreach (var node in ByEpoch(Masters.Where(node => node.IsReachable)))
        {
            foreach (var slot in node.View!.Self.Slots.Slots)
                claims[slot] = claims.TryGetValue(slot, out var others) ? [.. others, node.Id] : [node.Id];
        }

        return claims.Where(claim => claim.Value.Count > 1).ToDictionary(claim => claim.Key, claim => claim.Value);
    }

    private string?[] MergeOwners()
    {
        var owners = new string?[HashSlot.Count];
        // Lowest epoch first, so that the highest has the last word.
        foreach (var node in ByEpoch(Masters.Where(node => node.IsReachable)).Reverse())
        {
            foreach (var slot in node.View!.Self.Slots.Slots)
                owners[slot] = node.Id;
        }

        foreach (var absent in Nodes.Where(node => !node.IsReachable))
        {
            // What the reachable nodes believe an absent node to own; the newest belief (highest epoch seen) wins.
            var believed = Nodes.Where(node => node.View is not null)
                .Select(node => node.View!.Line(absent.Id))
                .Where(line => line is not null)
                .OrderByDescending(line => line!.ConfigEpoch)
                .FirstOrDefault();
            if (believed is null)
                continue;
            foreach (var slot in believed.Slots.Slots)
                owners[slot] ??= absent.Id;
        }

        return owners;
    }

    private static IEnumerable<ClusterNode> ByEpoch(IEnumerable<ClusterNode> nodes) =>
        nodes.OrderByDescending(node => node.Line.ConfigEpoch).ThenBy(node => node.Id, StringComparer.Ordinal);

    private static string FingerprintOf(string?[] owners)
    {
        var text = new StringBuilder();
        for (var slot = 0; slot < owners.Length; slot++)
        {
            if (slot == 0 || owners[slot] != owners[slot - 1])
                text.Append(slot.ToString(CultureInfo.InvariantCulture)).Append(' ').Append(owners[slot] ?? "-").Append('\n');
        }

        using var sha = SHA256.Create();
        var hash = sha.ComputeHash(Encoding.ASCII.GetBytes(text.ToString()));
        return string.Concat(hash.Take(8).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
