using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

namespace RedisClusterOps.Cluster;

/// <summary>A flag on a master's own line: the slot is leaving for, or coming from, the peer.</summary>
internal readonly record struct OpenFlag(int Slot, string NodeId, bool IsMigrating, string PeerId);

/// <summary>The whole cluster at one moment: every node's own view, merged. Immutable.</summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, ClusterNode> _byId;

    /// <summary>Of each slot the index into <see cref="Nodes"/> of its owner, and one more; 0 where it has none.</summary>
    private readonly ushort[] _owners = new ushort[HashSlot.Count];
    private readonly ILookup<int, OpenFlag> _flags;
    private readonly Dictionary<int, IReadOnlyList<string>> _contested = [];
    private readonly Lazy<string> _fingerprint;
    private readonly Lazy<Dictionary<string, SlotSet>> _slotsByOwner;

    public ClusterView(IReadOnlyList<ClusterNode> nodes, DateTime takenAtUtc)
    {
        Nodes = nodes;
        TakenAtUtc = takenAtUtc;
        _byId = nodes.ToDictionary(node => node.Id, StringComparer.Ordinal);
        Masters = nodes.Where(node => node.IsMaster).ToList();
        OpenFlags = ReadOpenFlags();
        _flags = OpenFlags.ToLookup(flag => flag.Slot);
        MergeOwners();
        AtomicTasks = nodes.Where(node => node.IsReachable).SelectMany(node => node.View!.AtomicTasks).ToList();
        _fingerprint = new Lazy<string>(ReadFingerprint);
        _slotsByOwner = new Lazy<Dictionary<string, SlotSet>>(ReadSlotsByOwner);
    }

    /// <summary>All known nodes, by id.</summary>
    public IReadOnlyList<ClusterNode> Nodes { get; }

    public IReadOnlyList<ClusterNode> Masters { get; }

    public DateTime TakenAtUtc { get; }

    /// <summary>The flags of every master's own line. Flags of other nodes are copies that Valkey keeps on replicas, and mean nothing.</summary>
    public IReadOnlyList<OpenFlag> OpenFlags { get; }

    public IEnumerable<OpenFlag> FlagsOf(int slot) => _flags[slot];

    /// <summary>Changes when, and only when, the owner of any slot changes.</summary>
    public string Fingerprint => _fingerprint.Value;

    public IEnumerable<ClusterNode> Unreachable => Nodes.Where(node => !node.IsReachable);

    /// <summary>Slots that more than one master claims on its own line, with the claimants, highest config epoch first.</summary>
    public IReadOnlyDictionary<int, IReadOnlyList<string>> ContestedClaims => _contested;

    public ClusterNode? Node(string id) => _byId.TryGetValue(id, out var node) ? node : null;

    /// <summary>Id of the slot's owner; null where nobody owns it.</summary>
    /// <remarks>
    /// A master's own line decides; of several claimants the highest config epoch, as the servers themselves decide.
    /// Where no master that answered claims it, a master that did not answer keeps what the others believe to be its own.
    /// A master that answered and does not claim a slot does not own it, whatever the others still believe.
    /// </remarks>
    public string? OwnerOf(int slot) => _owners[slot] == 0 ? null : Nodes[_owners[slot] - 1].Id;

    public SlotSet SlotsOf(string id) => SlotsByOwner.TryGetValue(id, out var slots) ? slots : SlotSet.Empty;

    /// <summary>The slots of each node that owns any, by its id.</summary>
    public IReadOnlyDictionary<string, SlotSet> SlotsByOwner => _slotsByOwner.Value;

    /// <summary>Slots without an owner.</summary>
    public SlotSet UnownedSlots => SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => _owners[slot] == 0));

    /// <summary>What the servers move themselves, as each node that answered tells it.</summary>
    public IReadOnlyList<AtomicTask> AtomicTasks { get; }

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
    /// <remarks>Nearly all nodes say of nearly all what is merged here, in the same object even: only where the sets differ is slot after slot looked at.</remarks>
    public SlotSet DisputedSlots()
    {
        var disputed = new bool[HashSlot.Count];
        var agreed = new Dictionary<string, SlotSet>(StringComparer.Ordinal);
        foreach (var view in Nodes.Select(node => node.View).OfType<NodeView>())
        {
            foreach (var line in view.LineOfEach)
            {
                if (agreed.TryGetValue(line.Id, out var same) && ReferenceEquals(same, line.Slots))
                    continue;
                if (line.Slots.Equals(SlotsOf(line.Id)))
                    agreed[line.Id] = line.Slots;
                else
                    Compare(line.Slots.Slots.Concat(SlotsOf(line.Id).Slots), view);
            }

            foreach (var owner in SlotsByOwner.Where(owner => view.Line(owner.Key) is null))
                Compare(owner.Value.Slots, view);
        }

        return SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => disputed[slot]));

        void Compare(IEnumerable<int> slots, NodeView view)
        {
            foreach (var slot in slots)
                disputed[slot] = disputed[slot] || view.OwnerOf(slot) != OwnerOf(slot);
        }
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

    private void MergeOwners()
    {
        var index = new Dictionary<string, ushort>(StringComparer.Ordinal);
        for (var i = 0; i < Nodes.Count; i++)
            index[Nodes[i].Id] = (ushort)(i + 1);

        // Highest epoch first, so that whoever comes later finds the slot taken.
        foreach (var node in Masters.Where(node => node.IsReachable).OrderByDescending(node => node.Line.ConfigEpoch).ThenBy(node => node.Id, StringComparer.Ordinal))
            Take(node.View!.Self.Slots, index[node.Id], node.Id);

        foreach (var absent in Nodes.Where(node => !node.IsReachable))
        {
            // What the reachable nodes believe an absent node to own; the newest belief (highest epoch seen) wins.
            var believed = Nodes.Where(node => node.View is not null)
                .Select(node => node.View!.Line(absent.Id))
                .Where(line => line is not null)
                .OrderByDescending(line => line!.ConfigEpoch)
                .FirstOrDefault();
            if (believed is not null)
                Take(believed.Slots, index[absent.Id], null);
        }
    }

    private void Take(SlotSet slots, ushort owner, string? claimant)
    {
        foreach (var range in slots.Ranges)
        {
            for (var slot = range.First; slot <= range.Last; slot++)
            {
                if (_owners[slot] == 0)
                    _owners[slot] = owner;
                else if (claimant is not null)
                    _contested[slot] = [.. _contested.TryGetValue(slot, out var others) ? others : [Nodes[_owners[slot] - 1].Id], claimant];
            }
        }
    }

    private Dictionary<string, SlotSet> ReadSlotsByOwner()
    {
        var ranges = new Dictionary<string, List<SlotRange>>(StringComparer.Ordinal);
        for (var slot = 0; slot < _owners.Length; slot++)
        {
            if (OwnerOf(slot) is not { } owner)
                continue;
            var first = slot;
            while (slot + 1 < _owners.Length && _owners[slot + 1] == _owners[first])
                slot++;
            if (!ranges.TryGetValue(owner, out var of))
                ranges[owner] = of = [];
            of.Add(new SlotRange(first, slot));
        }

        return ranges.ToDictionary(owner => owner.Key, owner => SlotSet.From(owner.Value), StringComparer.Ordinal);
    }

    private string ReadFingerprint() => FingerprintOf(OwnerOf);

    /// <summary>The fingerprint of any owner map.</summary>
    /// <param name="ownerOf">Id of a slot's owner; null where it has none.</param>
    public static string FingerprintOf(Func<int, string?> ownerOf)
    {
        var text = new StringBuilder();
        string? last = null;
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            var owner = ownerOf(slot) ?? "-";
            if (owner != last)
                text.Append(slot.ToString(CultureInfo.InvariantCulture)).Append(' ').Append(owner).Append('\n');
            last = owner;
        }

        using var sha = SHA256.Create();
        var hash = sha.ComputeHash(Encoding.ASCII.GetBytes(text.ToString()));
        return string.Concat(hash.Take(8).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
