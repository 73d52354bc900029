using System;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The states in which the migration of a slot can be stuck, as the diagnosis names them.</summary>
public enum Start
{
    Stable,
    ImportingOnly,
    MigratingOnly,
    Migrating,
    Drained,
    FinishedOnTarget,
    FinishedOnSource,
    SourceFailedOver,
    TargetFailedOver,
    StrayKeys,
    StrayKeysUnflagged,
    SeveralImporters,
    BothFlags,
    Unowned,
    UnownedWithKeys,
}

/// <summary>The layout of a simulated cluster.</summary>
internal sealed record SceneOptions
{
    public int Keys { get; init; } = 8;

    /// <summary>True if the target owns other slots.</summary>
    public bool TargetHasSlots { get; init; }

    /// <summary>True if the source has no other slot.</summary>
    public bool LastSlotOfSource { get; init; }

    public bool Replicas { get; init; } = true;

    /// <summary>The number of keys on both nodes with equal values, as an interrupted transfer leaves them.</summary>
    public int Copies { get; init; }

    /// <summary>The number of keys on both nodes with different values. The hidden value of the target must be kept as well.</summary>
    public int Conflicts { get; init; }

    /// <summary>True if the source has the highest config epoch.</summary>
    public bool HighSourceEpoch { get; init; }

    public int Clients { get; init; } = 1;

    /// <summary>The number of nodes that no node knows yet.</summary>
    public int Spares { get; init; }
}

/// <summary>A simulated cluster with one slot in a given state, and an application that writes to it.</summary>
internal sealed class Scene
{
    private static readonly string[] Endings =
    [
        "plain", "with space", "line\nbreak", "quote\"'", "\0\xff\xfe", "", "count", "count2", "ttl", "*",
        "k1", "k2", "k3", "k4", "k5", "k6",
    ];

    private readonly SceneOptions _options;

    public Scene(ServerRules rules, Start start, int seed, SceneOptions? options = null)
    {
        _options = options ?? new SceneOptions();
        // On Redis a master without slots has no failover.
        if (start == Start.TargetFailedOver)
            _options = _options with { TargetHasSlots = true, Replicas = true };
        if (start == Start.SourceFailedOver)
            _options = _options with { Replicas = true };
        // 0: the source; 1 and 2: other masters with slots; 3: an empty master; 4 to 6: replicas of the source, the target and another
        // master.
        TargetIndex = _options.TargetHasSlots ? 1 : 3;
        Cluster = new SimulatedCluster(rules, seed, 4, _options.Replicas ? [0, TargetIndex, 2] : [], _options.Spares);
        int[] owners = _options.LastSlotOfSource ? [1, 0, 1, 2, 2] : [0, 0, 1, 2, 2];
        for (var part = 0; part < owners.Length; part++)
            Cluster.Assign(part, owners[part]);
        Source = Cluster.Nodes[0];
        Target = Cluster.Nodes[TargetIndex];
        if (_options.HighSourceEpoch && Source.BumpWithoutConsensus())
        {
            Source.Broadcast();
            Cluster.Clock.Pass(TimeSpan.FromMilliseconds(5));
        }

        Begin(start);
        State = start;
        // Without replicated flags, clients rewrite the keys that a node hides after a failover. The simulation does not check that.
        var hidden = start is Start.SourceFailedOver or Start.TargetFailedOver && !rules.FlagsAreReplicated;
        Traffic = new Traffic(Cluster, _options.Clients, TimeSpan.FromMilliseconds(4));
        if (hidden)
            Traffic.Suspend();
    }

    public SimulatedCluster Cluster { get; }

    public Start State { get; }

    /// <summary>The master that the slot leaves. A failover changes it.</summary>
    public SimulatedNode Source { get; private set; }

    public SimulatedNode Target { get; private set; }

    public Traffic Traffic { get; }

    private int TargetIndex { get; }

    /// <summary>True if any master has a flag for the slot.</summary>
    public bool IsOpen => Cluster.Nodes.Any(node => node.IsUp && node.IsMaster
        && (node.Migrating[SlotMap.MovingPart] != SimulatedNode.NoNode || node.Importing[SlotMap.MovingPart] != SimulatedNode.NoNode));

    /// <summary>The current master of the shard of a node.</summary>
    public SimulatedNode MasterOf(SimulatedNode node) =>
        Cluster.Nodes.FirstOrDefault(other => other.IsUp && other.IsMaster && Cluster.SameShard(other.Index, node.Index)) ?? node;

    /// <summary>True if a slot can stay in this state on a server with these rules.</summary>
    public static bool Exists(ServerRules rules, Start start) => start switch
    {
        // A Valkey target takes over a slot that the source gave up.
        Start.FinishedOnSource => !rules.ImporterClaimsWhatIsGivenUp,
        // Valkey replicates the flags, so the state is Migrating there.
        Start.SourceFailedOver or Start.TargetFailedOver => !rules.FlagsAreReplicated,
        // A server that hides such keys shows them only when it imports the slot again.
        Start.StrayKeysUnflagged => !rules.HidesForeignKeys,
        _ => true,
    };

    /// <summary>The session of one user. Its seed is a node that answers.</summary>
    public RedisClusterSession Session
    {
        get
        {
            var reached = _session?.Reached;
            _session = RedisClusterSession.Parse(Cluster.Nodes.First(node => node.IsUp && !node.IsHiddenFromUs).Endpoint.ToString());
            _session.Reached = reached ?? _session.Reached;
            return _session;
        }
    }

    private RedisClusterSession? _session;

    private void Begin(Start start)
    {
        const int part = SlotMap.MovingPart;
        Write(Source, _options.Keys);
        Put(Cluster.Nodes[2], 0, SlotMap.KeyOf(SlotMap.Beside, "beside"), new StoredValue("stays"));
        switch (start)
        {
            case Start.ImportingOnly:
                SetFlags(importing: true, migrating: false);
                break;
            case Start.MigratingOnly:
                SetFlags(importing: false, migrating: true);
                break;
            case Start.Migrating:
                Open(moved: _options.Keys / 2);
                break;
            case Start.Drained:
                Open(moved: int.MaxValue);
                break;
            case Start.FinishedOnTarget:
                Open(moved: int.MaxValue);
                Target.Do(SetSlot("NODE", Target), new ConnectionState());
                // The other nodes know the new owner. The flag of the source stays set, as on Redis.
                Cluster.Clock.Pass(TimeSpan.FromMilliseconds(20));
                if (Source.IsMaster)
                    Source.Migrating[part] = Target.Index;
                break;
            case Start.FinishedOnSource:
                Open(moved: int.MaxValue);
                Source.Do(SetSlot("NODE", Target), new ConnectionState());
                break;
            case Start.SourceFailedOver:
                Open(moved: _options.Keys / 2);
                Source = FailOver(Source);
                break;
            case Start.TargetFailedOver:
                Open(moved: _options.Keys / 2);
                Target = FailOver(Target);
                break;
            case Start.StrayKeys:
                SetFlags(importing: true, migrating: false);
                PutStray();
                break;
            case Start.StrayKeysUnflagged:
                PutStray();
                break;
            case Start.SeveralImporters:
                Open(moved: _options.Keys / 2);
                Cluster.Nodes[2].Importing[part] = Source.Index;
                if (_options.Keys > 0)
                    Put(Cluster.Nodes[2], 0, SlotMap.KeyOf(SlotMap.Moving, "stray"), new StoredValue("elsewhere"));
                break;
            case Start.BothFlags:
                SetFlags(importing: true, migrating: true);
                Source.Importing[part] = 2;
                break;
            case Start.Unowned or Start.UnownedWithKeys:
                Cluster.Assign(part, SimulatedNode.NoNode);
                if (start == Start.Unowned)
                    Source.Keys.Clear(part);
                if (start == Start.Unowned)
                    Cluster.Ledger.Forget(SlotMap.Moving);
                break;
        }
    }

    private SimulatedNode FailOver(SimulatedNode master)
    {
        var successor = Cluster.FailOver(master) ?? throw new InvalidOperationException("No replica takes the place of " + master);
        Cluster.Settle();
        return successor;
    }

    /// <summary>Sets both flags and moves this number of keys to the target.</summary>
    private void Open(int moved)
    {
        SetFlags(importing: true, migrating: true);
        var all = Source.AllKeys().Where(key => key.Part == SlotMap.MovingPart).ToList();
        foreach (var (database, part, key, value) in all.Take(moved))
        {
            Target.Keys.Set(database, part, key, value);
            Source.Keys.Remove(database, part, key);
        }

        foreach (var (database, part, key, value) in all.Skip(moved).Take(_options.Copies))
            Target.Keys.Set(database, part, key, value);
        foreach (var (database, part, key, _) in all.Skip(moved).Take(_options.Conflicts))
        {
            var hidden = new StoredValue("another value");
            Target.Keys.Set(database, part, key, hidden);
            Cluster.Ledger.KeepHidden(database, key, hidden);
        }
    }

    private void PutStray() => Put(Target, 0, SlotMap.KeyOf(SlotMap.Moving, "stray"), new StoredValue("hidden"));

    private void SetFlags(bool importing, bool migrating)
    {
        if (importing)
            Target.Do(SetSlot("IMPORTING", Source), new ConnectionState());
        if (migrating)
            Source.Do(SetSlot("MIGRATING", Target), new ConnectionState());
    }

    private static RespCommand SetSlot(string action, SimulatedNode peer) =>
        RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, action, peer.Id);

    private void Write(SimulatedNode node, int keys)
    {
        for (var i = 0; i < keys; i++)
        {
            var ending = Endings[i % Endings.Length] + (i < Endings.Length ? string.Empty : i.ToString(CultureInfo.InvariantCulture));
            var value = ending.StartsWith("count", StringComparison.Ordinal) ? new StoredValue("5")
                : ending == "ttl" ? new StoredValue("short", TimeSpan.FromSeconds(40)) : new StoredValue("value " + i);
            Put(node, i % Cluster.Rules.Databases, SlotMap.KeyOf(SlotMap.Moving, ending), value);
        }
    }

    private void Put(SimulatedNode node, int database, string key, StoredValue value)
    {
        node.Keys.Set(database, SlotMap.PartOf(SlotMap.Bytes(key)), key, value);
        Cluster.Ledger.Acknowledged(database, key, value);
    }
}
