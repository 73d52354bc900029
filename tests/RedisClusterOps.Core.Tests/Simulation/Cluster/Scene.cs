using System;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The states that a slot's migration can get stuck in, as the diagnosis names them.</summary>
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

/// <summary>How a simulated cluster is made up.</summary>
internal sealed record SceneOptions
{
    public int Keys { get; init; } = 8;

    /// <summary>The target owns other slots already.</summary>
    public bool TargetHasSlots { get; init; }

    /// <summary>The slot is the only one of its source.</summary>
    public bool LastSlotOfSource { get; init; }

    public bool Replicas { get; init; } = true;

    /// <summary>How many keys exist on both sides with equal values, as an interrupted transfer leaves them.</summary>
    public int Copies { get; init; }

    /// <summary>How many keys exist on both sides with different values; the target's, which is hidden, must be kept as well.</summary>
    public int Conflicts { get; init; }

    /// <summary>Nobody's config epoch is above the source's.</summary>
    public bool HighSourceEpoch { get; init; }

    public int Clients { get; init; } = 1;
}

/// <summary>A simulated cluster with one slot in a state, and an application that writes to it.</summary>
internal sealed class Scene
{
    private static readonly string[] Endings = ["plain", "with space", "line\nbreak", "quote\"'", "\0\xff\xfe", "", "count", "count2", "ttl", "*", "k1", "k2", "k3", "k4", "k5", "k6"];

    private readonly SceneOptions _options;

    public Scene(ServerRules rules, Start start, int seed, SceneOptions? options = null)
    {
        _options = options ?? new SceneOptions();
        // A master without slots has no successor on Redis.
        if (start == Start.TargetFailedOver)
            _options = _options with { TargetHasSlots = true, Replicas = true };
        if (start == Start.SourceFailedOver)
            _options = _options with { Replicas = true };
        // 0: source, 1 and 2: others with slots, 3: an empty master; 4: the source's replica, 5: the target's, 6: of a bystander.
        TargetIndex = _options.TargetHasSlots ? 1 : 3;
        Cluster = new SimulatedCluster(rules, seed, 4, _options.Replicas ? [0, TargetIndex, 2] : []);
        int[] owners = _options.LastSlotOfSource ? [1, 0, 1, 2, 2] : [0, 0, 1, 2, 2];
        for (var part = 0; part < owners.Length; part++)
            Cluster.Give(part, owners[part]);
        Source = Cluster.Nodes[0];
        Target = Cluster.Nodes[TargetIndex];
        if (_options.HighSourceEpoch && Source.BumpWithoutConsensus())
        {
            Source.Broadcast();
            Cluster.Clock.Pass(TimeSpan.FromMilliseconds(5));
        }

        Begin(start);
        State = start;
        // What a node without replicated flags hides after a failover, clients write anew: that is not looked at here.
        var hidden = start is Start.SourceFailedOver or Start.TargetFailedOver && !rules.FlagsAreReplicated;
        Traffic = new Traffic(Cluster, _options.Clients, TimeSpan.FromMilliseconds(4));
        if (hidden)
            Traffic.Suspend();
    }

    public SimulatedCluster Cluster { get; }

    public Start State { get; }

    /// <summary>The master that the slot leaves: after a failover another than at first.</summary>
    public SimulatedNode Source { get; private set; }

    public SimulatedNode Target { get; private set; }

    public Traffic Traffic { get; }

    private int TargetIndex { get; }

    /// <summary>True while any master has a flag for the slot.</summary>
    public bool IsOpen => Cluster.Nodes.Any(node => node.IsUp && node.IsMaster
        && (node.Migrating[SlotMap.MovingPart] != SimulatedNode.Nobody || node.Importing[SlotMap.MovingPart] != SimulatedNode.Nobody));

    /// <summary>The present master of a node's shard.</summary>
    public SimulatedNode MasterOf(SimulatedNode node) =>
        Cluster.Nodes.FirstOrDefault(other => other.IsUp && other.IsMaster && Cluster.SameShard(other.Index, node.Index)) ?? node;

    /// <summary>Which states a slot can be stuck in on a server of these rules for longer than a moment.</summary>
    public static bool Exists(ServerRules rules, Start start) => start switch
    {
        // Valkey's target takes by itself what the source gave up.
        Start.FinishedOnSource => !rules.ImporterClaimsWhatIsGivenUp,
        // Valkey's replicas carry the flags on, so these are Migrating there.
        Start.SourceFailedOver or Start.TargetFailedOver => !rules.FlagsAreReplicated,
        // Nobody notices on a server that hides them, until the slot is imported again.
        Start.StrayKeysUnflagged => !rules.HidesForeignKeys,
        _ => true,
    };

    public RedisClusterSession Session => RedisClusterSession.Parse(Cluster.Nodes.First(node => node.IsUp).Endpoint.ToString());

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
                // The others have heard, the source's flag is left as Redis leaves it.
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
                Cluster.Give(part, SimulatedNode.Nobody);
                if (start == Start.Unowned)
                    Source.Keys.Clear(part);
                if (start == Start.Unowned)
                    Cluster.Ledger.Forget(SlotMap.Moving);
                break;
        }
    }

    private SimulatedNode FailOver(SimulatedNode master)
    {
        var successor = Cluster.FailOver(master) ?? throw new InvalidOperationException("Nobody takes the place of " + master);
        Cluster.Settle();
        return successor;
    }

    /// <summary>Both flags, and that many keys on the target.</summary>
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

    private static RespCommand SetSlot(string action, SimulatedNode peer) => RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, action, peer.Id);

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
