using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>One server: its slots, its view of the other nodes, and its keys. The other parts of this class have the rules.</summary>
internal sealed partial class SimulatedNode
{
    public const int NoNode = -1;

    private readonly SimulatedCluster _cluster;

    private TimeSpan? _tookOverAt;

    // When this node took over a part by SETSLOT NODE.
    private readonly TimeSpan[] _assignedAt = new TimeSpan[SlotMap.Parts];

    // A starting master rejects requests at first, because another node may own its slots by now.
    private TimeSpan _servesFrom;

    public SimulatedNode(SimulatedCluster cluster, int index, int nodes)
    {
        _cluster = cluster;
        Index = index;
        Id = IdOf(index);
        Endpoint = EndpointOf(index);
        _bannedUntil = new TimeSpan[nodes];
        _heardAt = new TimeSpan[nodes];
        _failedAt = new TimeSpan[nodes];
        _reports = new int[nodes];
        _addresses = [.. Enumerable.Range(0, nodes).Select(node => (NodeEndpoint?)EndpointOf(node))];
        ConfigEpoch = new long[nodes];
        MasterOf = Enumerable.Repeat(NoNode, nodes).ToArray();
        Failed = new bool[nodes];
        Owner = Enumerable.Repeat(NoNode, SlotMap.Parts).ToArray();
        Migrating = [.. Owner];
        Importing = [.. Owner];
        Keys = new Dataset(cluster.Rules.Databases);
    }

    public int Index { get; }

    public string Id { get; set; }

    public NodeEndpoint Endpoint { get; set; }

    /// <summary>Our process cannot connect to the node. The other nodes and the clients can.</summary>
    public bool IsHiddenFromUs { get; set; }

    /// <summary>The node replies to us with this error, as one that refuses our password. Clients and nodes are served.</summary>
    public string? RefusesUsWith { get; set; }

    /// <summary>The node replies to all clients with this error, as one that runs a script. It still answers the other nodes.</summary>
    public string? RefusesAllWith { get; set; }

    public bool IsUp { get; private set; } = true;

    /// <summary>Null while the process runs.</summary>
    public TimeSpan? DiedAt { get; private set; }

    /// <summary>True if a replica does not receive the writes of its master.</summary>
    public bool Lags { get; private set; }

    public Dataset Keys { get; private set; }

    /// <summary>The name of a key that the node cannot restore, as one of a module that it does not have.</summary>
    public string? CannotRestore { get; set; }

    /// <summary>How many of the next keys that arrive are evicted at once, as with a low maxmemory.</summary>
    public int EvictsNext { get; set; }

    /// <summary>evicted_keys.</summary>
    public int Evicted { get; private set; }

    public long CurrentEpoch { get; set; }

    /// <summary>The epoch of each node in the view of this one, itself included.</summary>
    public long[] ConfigEpoch { get; }

    /// <summary>The master of each node; <see cref="NoNode"/> for a master.</summary>
    public int[] MasterOf { get; }

    public bool[] Failed { get; }

    /// <summary>The owner of each part of the slots in the view of this node.</summary>
    public int[] Owner { get; }

    public int[] Migrating { get; }

    public int[] Importing { get; }

    /// <summary>cluster-allow-replica-migration: whether the node becomes a replica of the master that took its last slot.</summary>
    public bool AllowsReplicaMigration { get; private set; } = true;

    public bool IsMaster => MasterOf[Index] == NoNode;

    public int SlotsOwned => SlotsOf(Index);

    private ServerRules Rules => _cluster.Rules;

    public static NodeEndpoint EndpointOf(int index) => new("10.0.0." + (index + 1).ToString(CultureInfo.InvariantCulture), 6379);

    public static string IdOf(int index) => ((char)('a' + index)).ToString().PadRight(40, (char)('0' + index));

    public int SlotsOf(int node) => Owner.Count(owner => owner == node);

    public override string ToString() => "n" + Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>The reply to CLUSTER NODES. Open flags are only on the node's own line.</summary>
    public string DescribeNodes()
    {
        var text = new StringBuilder(700);
        foreach (var other in _cluster.Nodes)
        {
            var i = other.Index;
            if (!Knows(i))
                continue;
            var master = MasterOf[i];
            text.Append(other.Id).Append(' ').Append(AddressText(i)).Append(' ')
                .Append(i == Index ? "myself," : string.Empty)
                .Append(master == NoNode ? "master" : "slave")
                .Append(Failed[i] ? ",fail" : Suspects(i) ? ",fail?" : string.Empty)
                .Append(_addresses[i] is null ? ",noaddr " : " ")
                .Append(master == NoNode || !Knows(master) ? "-" : _cluster.Nodes[master].Id)
                .Append(" 0 0 ").Append(ConfigEpoch[i]).Append(Failed[i] || Suspects(i) ? " disconnected" : " connected");
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                if (Owner[part] != i)
                    continue;
                var first = SlotMap.Ranges[part].First;
                while (part + 1 < SlotMap.Parts && Owner[part + 1] == i)
                    part++;
                text.Append(' ').Append(new SlotRange(first, SlotMap.Ranges[part].Last));
            }

            if (i == Index)
                DescribeFlags(text);
            text.Append('\n');
        }

        return text.ToString();
    }

    private void DescribeFlags(StringBuilder text)
    {
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Migrating[part] != NoNode)
                text.Append(" [").Append(SlotMap.Ranges[part].First).Append("->-").Append(_cluster.Nodes[Migrating[part]].Id).Append(']');
            else if (Importing[part] != NoNode)
                text.Append(" [").Append(SlotMap.Ranges[part].First).Append("-<-").Append(_cluster.Nodes[Importing[part]].Id).Append(']');
        }
    }

    /// <summary>Ends the process. Its data is on disk.</summary>
    public void Crash()
    {
        _cluster.Note(this + " crashes");
        if (!IsMaster && !Lags)
            BeginToLag();
        IsUp = false;
        DiedAt = _cluster.Clock.Now;
    }

    /// <summary>Restarts the process with its keys, flags and view.</summary>
    public void Start()
    {
        if (IsUp)
            return;
        _cluster.Note(this + " starts");
        IsUp = true;
        DiedAt = null;
        Array.Fill(_heardAt, _cluster.Clock.Now);
        _suspected = 0;
        _unclaimed = 0;
        _servesFrom = _cluster.Clock.Now + TimeSpan.FromSeconds(2);
        Array.Clear(Failed);
        if (!IsMaster)
        {
            Lags = Lags && !_cluster.Nodes[MasterOf[Index]].IsUp;
            return;
        }

        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Keys.CountIn(part) == 0 || Owner[part] == Index || Importing[part] != NoNode)
                continue;
            if (Rules.StartDeletesForeignKeys && Owner[part] != NoNode)
                DropAtStart(part);
            else if (Owner[part] == NoNode)
                ClaimAtStart(part);
            else
                Importing[part] = Owner[part];
        }
    }

    /// <summary>From now on a replica does not receive the writes of its master. Until then it has all keys of its master.</summary>
    public void BeginToLag()
    {
        if (IsMaster || Lags)
            return;
        Lags = true;
        Keys = _cluster.Nodes[MasterOf[Index]].Keys.Copy();
    }

    /// <summary>The replica has not finished its first sync: it has no key.</summary>
    public void LoseSync()
    {
        BeginToLag();
        Keys = new Dataset(Rules.Databases);
    }

    /// <summary>The replica receives all keys of its master.</summary>
    public void CatchUp() => Lags = false;

    // Keys without a flag that a restarted server deletes: the operation cannot prevent that.
    private void DropAtStart(int part)
    {
        foreach (var lost in AllKeys().Where(key => key.Part == part).ToList())
            _cluster.Ledger.ExcuseStart(lost.Database, lost.Key, lost.Value);
        Drop(part, "at start, of a slot that another node owns");
    }

    // A slot whose owner it has forgotten looks like one without an owner. The owner then deletes its keys; no command is at fault.
    private void ClaimAtStart(int part)
    {
        Owner[part] = Index;
        if (_cluster.Nodes.FirstOrDefault(node => node != this && node.IsMaster && node.Owner[part] == node.Index) is { } owner)
            _cluster.Ledger.ExcuseRace(part, owner + " cannot know of " + this);
    }

    private void Drop(int part, string why)
    {
        if (Keys.CountIn(part) > 0)
            _cluster.Note(this + " deletes " + Keys.CountIn(part) + " keys of part " + part + " " + why);
        Keys.Clear(part);
    }

    public IEnumerable<(int Database, int Part, string Key, StoredValue Value)> AllKeys()
    {
        for (var database = 0; database < Rules.Databases; database++)
        {
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                foreach (var pair in Keys.In(database, part) ?? [])
                    yield return (database, part, pair.Key, pair.Value);
            }
        }
    }
}
