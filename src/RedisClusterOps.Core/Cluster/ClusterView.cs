using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

namespace RedisClusterOps.Cluster;

/// <summary>The whole cluster at one moment: the views of all nodes, merged. Immutable.</summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, ClusterNode> _byId;

    /// <summary>For each slot, the index of its owner in <see cref="Nodes"/> plus one; 0 if it has no owner.</summary>
    private readonly ushort[] _owners = new ushort[HashSlot.Count];
    private readonly ILookup<int, OpenFlag> _flags;
    private readonly Dictionary<int, IReadOnlyList<string>> _contested = [];
    private readonly Lazy<string> _fingerprint;
    private readonly Lazy<Dictionary<string, SlotSet>> _slotsByOwner;
    private readonly Lazy<Dictionary<string, string>> _masterOfReplica;
    private readonly Lazy<ILookup<string, (ClusterNode Owner, SlotSet Slots)>> _outdatedImports;

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
        _masterOfReplica = new Lazy<Dictionary<string, string>>(() => nodes
            .Where(node => !node.IsMaster && node.Line.MasterId is not null)
            .ToDictionary(node => node.Id, node => node.Line.MasterId!, StringComparer.Ordinal));
        _outdatedImports = new Lazy<ILookup<string, (ClusterNode, SlotSet)>>(ReadOutdatedImports);
    }

    /// <summary>All known nodes, by id.</summary>
    public IReadOnlyList<ClusterNode> Nodes { get; }

    public IReadOnlyList<ClusterNode> Masters { get; }

    /// <summary>The ids of all nodes except those in handshake: during its handshake a node has a temporary id.</summary>
    public IEnumerable<string> NodeIds => Nodes.Where(node => node.State != RedisNodeState.Handshake).Select(node => node.Id);

    public DateTime TakenAtUtc { get; }

    /// <summary>The flags of all reachable masters. Valkey copies flags to replicas; those have no meaning and are not included.</summary>
    public IReadOnlyList<OpenFlag> OpenFlags { get; }

    /// <summary>Flags of Valkey replicas that their masters do not have. Valkey keeps them when it promotes the replica.</summary>
    public IReadOnlyList<OpenFlag> ReplicaFlags => Nodes
        .Where(node => node is { IsMaster: false, View.Facts.Engine: ServerEngine.Valkey } && ShardMaster(node.Id) is { IsReachable: true })
        .SelectMany(node => node.View!.Self.MigratingTo.Select(flag => new OpenFlag(flag.Key, node.Id, true, flag.Value))
            .Concat(node.View.Self.ImportingFrom.Select(flag => new OpenFlag(flag.Key, node.Id, false, flag.Value))))
        .Where(flag => FlagsOf(flag.Slot).All(of => of.NodeId != ShardMaster(flag.NodeId)!.Id))
        .ToList();

    public IEnumerable<OpenFlag> FlagsOf(int slot) => _flags[slot];

    /// <summary>A hash of the owner map. It changes if and only if the owner of a slot changes.</summary>
    public string Fingerprint => _fingerprint.Value;

    public IEnumerable<ClusterNode> Unreachable => Nodes.Where(node => !node.IsReachable);

    /// <summary>Slots that several masters claim on their own lines, with the claimants, highest config epoch first.</summary>
    public IReadOnlyDictionary<int, IReadOnlyList<string>> ContestedClaims => _contested;

    public ClusterNode? Node(string id) => _byId.TryGetValue(id, out var node) ? node : null;

    /// <summary>The id of the slot's owner; null if it has no owner.</summary>
    /// <remarks>
    /// A master's own line decides. Of several claimants, the one with the highest config epoch owns the slot, as in the servers' own rule.
    /// If no reachable master claims the slot, an unreachable master owns it if the other nodes report so.
    /// A reachable master that does not claim a slot does not own it, whatever the other nodes still report.
    /// </remarks>
    public string? OwnerOf(int slot) => _owners[slot] == 0 ? null : Nodes[_owners[slot] - 1].Id;

    public SlotSet SlotsOf(string id) => SlotsByOwner.TryGetValue(id, out var slots) ? slots : SlotSet.Empty;

    /// <summary>The slots of each node that owns any, by its id.</summary>
    public IReadOnlyDictionary<string, SlotSet> SlotsByOwner => _slotsByOwner.Value;

    /// <summary>Slots without an owner.</summary>
    public SlotSet UnownedSlots => SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => _owners[slot] == 0));

    /// <summary>The server-side migrations in progress, as listed by each reachable node.</summary>
    public IReadOnlyList<AtomicTask> AtomicTasks { get; }

    /// <summary>The current master of a node's shard: the node itself, or the master that it replicates since a failover.</summary>
    public ClusterNode? ShardMaster(string id)
    {
        var node = Node(id);
        for (var hops = 0; node is { IsMaster: false } && hops < 4; hops++)
            node = node.Line.MasterId is { } master ? Node(master) : null;
        return node is { IsMaster: true } ? node : null;
    }

    /// <summary>
    /// Slots that a master imports and attributes to a node that no longer owns them, by their present owner. An importing Redis node
    /// ignores what others claim about these slots, so it does not learn the successor of a source that failed over.
    /// </summary>
    public IEnumerable<(ClusterNode Owner, SlotSet Slots)> OutdatedImports(string id) => _outdatedImports.Value[id];

    /// <summary>The id of each replica's master, by the id of the replica.</summary>
    public IReadOnlyDictionary<string, string> MasterOfReplica => _masterOfReplica.Value;

    /// <summary>The same, with the master that a replica had earlier if it is a master itself by now.</summary>
    /// <param name="earlier">The master of each replica at an earlier time; null if that is unknown.</param>
    public IReadOnlyDictionary<string, string> MasterOfReplicaSince(IReadOnlyDictionary<string, string>? earlier) => earlier is null
        ? MasterOfReplica
        : earlier.Where(replica => !MasterOfReplica.ContainsKey(replica.Key)).Concat(MasterOfReplica)
            .ToDictionary(replica => replica.Key, replica => replica.Value, StringComparer.Ordinal);

    /// <summary>
    /// The master that a node is, or that was its replica earlier and took its place in a failover. Null if there is none: a master that
    /// hands over its last slot becomes a replica of another master, which does not stand for it.
    /// </summary>
    /// <param name="id">The node.</param>
    /// <param name="masterOfReplica">The master of each replica at the earlier time; null if that is unknown.</param>
    public ClusterNode? SuccessorOf(string id, IReadOnlyDictionary<string, string>? masterOfReplica)
    {
        if (Node(id) is null)
        {
            // It was forgotten since. Of several replicas that are masters now, it is unknown which one took its place.
            var promoted = Masters.Where(WasReplica).Take(2).ToList();
            return promoted.Count == 1 ? promoted[0] : null;
        }

        return ShardMaster(id) is { } master && (master.Id == id || WasReplica(master)) ? master : null;

        bool WasReplica(ClusterNode node) =>
            masterOfReplica is not null && masterOfReplica.TryGetValue(node.Id, out var master) && master == id;
    }

    /// <summary>Reachable nodes that report another owner of the slot, with the owner that they report (null: none).</summary>
    public IReadOnlyList<(ClusterNode Node, string? Owner)> Dissenters(int slot, string? owner) => Nodes
        .Where(node => node.View is not null && node.View.OwnerOf(slot) != owner)
        .Select(node => (node, node.View!.OwnerOf(slot)))
        .ToList();

    /// <summary>Slots for which any reachable node reports another owner than <see cref="OwnerOf"/>.</summary>
    /// <remarks>Nearly all nodes report the merged slots, even as the same object. Single slots are compared only if sets differ.</remarks>
    public SlotSet DisputedSlots()
    {
        var disputed = new bool[HashSlot.Count];
        var agreed = new Dictionary<string, SlotSet>(StringComparer.Ordinal);
        foreach (var view in Nodes.Select(node => node.View).OfType<NodeView>())
        {
            foreach (var line in view.DistinctLines)
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

        return flags.OrderBy(flag => flag.Slot)
            .ThenByDescending(flag => flag.IsMigrating)
            .ThenBy(flag => flag.NodeId, StringComparer.Ordinal)
            .ToList();
    }

    // The present owner claims the slot on its own line, and no other node does. The importer must list it: SETSLOT refuses another id. If
    // only this machine can't reach the owner that the importer reports, the importer may be right.
    private ILookup<string, (ClusterNode Owner, SlotSet Slots)> ReadOutdatedImports() => OpenFlags
        .Where(flag => !flag.IsMigrating && !_contested.ContainsKey(flag.Slot))
        .Select(flag => (Importer: Node(flag.NodeId)!.View!, flag.Slot, Owner: OwnerOf(flag.Slot) is { } id ? Node(id)! : null))
        .Where(flag => flag.Owner is { IsReachableMaster: true } && flag.Owner.Id != flag.Importer.Id
            && flag.Importer.Line(flag.Owner.Id) is { IsMaster: true }
            && flag.Importer.OwnerOf(flag.Slot) is var believed && believed != flag.Owner.Id && believed != flag.Importer.Id
            && (believed is null || Node(believed) is { IsReachable: true } || (flag.Importer.Line(believed)!.Flags & NodeFlags.Fail) != 0))
        .GroupBy(flag => (flag.Importer.Id, Owner: flag.Owner!))
        .ToLookup(
            group => group.Key.Id, group => (group.Key.Owner, SlotSet.From(group.Select(flag => flag.Slot))), StringComparer.Ordinal);

    private void MergeOwners()
    {
        var index = new Dictionary<string, ushort>(StringComparer.Ordinal);
        for (var i = 0; i < Nodes.Count; i++)
            index[Nodes[i].Id] = (ushort)(i + 1);

        // The first claimant keeps the slot, so the highest epoch comes first.
        var claimants = Masters.Where(node => node.IsReachable)
            .OrderByDescending(node => node.Line.ConfigEpoch)
            .ThenBy(node => node.Id, StringComparer.Ordinal);
        foreach (var node in claimants)
            Take(node.View!.Self.Slots, index[node.Id], node.Id);

        foreach (var unreachable in Nodes.Where(node => !node.IsReachable))
        {
            // The slots that the reachable nodes report for an unreachable node; the line with the highest epoch is the newest.
            var reported = Nodes.Where(node => node.View is not null)
                .Select(node => node.View!.Line(unreachable.Id))
                .Where(line => line is not null)
                .OrderByDescending(line => line!.ConfigEpoch)
                .FirstOrDefault();
            if (reported is not null)
                Take(reported.Slots, index[unreachable.Id], null);
        }
    }

    private void Take(SlotSet slots, ushort owner, string? claimant)
    {
        foreach (var range in slots.Ranges)
        {
            for (var slot = range.First; slot <= range.Last; slot++)
            {
                if (_owners[slot] == 0)
                {
                    _owners[slot] = owner;
                }
                else if (claimant is not null)
                {
                    var claimants = _contested.TryGetValue(slot, out var others) ? others : [Nodes[_owners[slot] - 1].Id];
                    _contested[slot] = [.. claimants, claimant];
                }
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
    /// <param name="ownerOf">Returns the id of a slot's owner; null if it has none.</param>
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
