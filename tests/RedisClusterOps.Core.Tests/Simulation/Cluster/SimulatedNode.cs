using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>One server: what it owns, what it believes of the others, and its keys. Its rules are in the other parts of this class.</summary>
internal sealed partial class SimulatedNode
{
    public const int Nobody = -1;

    private readonly SimulatedCluster _cluster;

    private TimeSpan? _tookOverAt;

    // A master that starts serves nobody at first, lest it speak for what has become another's.
    private TimeSpan _servesFrom;

    public SimulatedNode(SimulatedCluster cluster, int index, int nodes)
    {
        _cluster = cluster;
        Index = index;
        Id = IdOf(index);
        Endpoint = new NodeEndpoint("10.0.0." + (index + 1).ToString(CultureInfo.InvariantCulture), 6379);
        ConfigEpoch = new long[nodes];
        MasterOf = Enumerable.Repeat(Nobody, nodes).ToArray();
        Failed = new bool[nodes];
        Owner = Enumerable.Repeat(Nobody, SlotMap.Parts).ToArray();
        Migrating = [.. Owner];
        Importing = [.. Owner];
        Keys = new Dataset(cluster.Rules.Databases);
    }

    public int Index { get; }

    public string Id { get; }

    public NodeEndpoint Endpoint { get; }

    public bool IsUp { get; private set; } = true;

    /// <summary>True of a replica that does not get what its master writes just now.</summary>
    public bool Lags { get; private set; }

    public Dataset Keys { get; private set; }

    public long CurrentEpoch { get; set; }

    /// <summary>What it believes of each node, itself included.</summary>
    public long[] ConfigEpoch { get; }

    /// <summary>Of each node the master that it replicates; <see cref="Nobody"/> of a master.</summary>
    public int[] MasterOf { get; }

    public bool[] Failed { get; }

    /// <summary>Of each part of the slots the node that it believes to own it.</summary>
    public int[] Owner { get; }

    public int[] Migrating { get; }

    public int[] Importing { get; }

    /// <summary>cluster-allow-replica-migration: whether it becomes a replica of whoever got its last slot.</summary>
    public bool FollowsItsLastSlot { get; private set; } = true;

    public bool IsMaster => MasterOf[Index] == Nobody;

    public int SlotsOwned => SlotsOf(Index);

    private ServerRules Rules => _cluster.Rules;

    public static string IdOf(int index) => ((char)('a' + index)).ToString().PadRight(40, (char)('0' + index));

    public int SlotsOf(int node) => Owner.Count(owner => owner == node);

    public override string ToString() => "n" + Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>CLUSTER NODES: open flags stand on the own line alone.</summary>
    public string DescribeNodes()
    {
        var text = new StringBuilder(700);
        foreach (var other in _cluster.Nodes)
        {
            var i = other.Index;
            text.Append(other.Id).Append(' ').Append(other.Endpoint.Host).Append(":6379@16379 ")
                .Append(i == Index ? "myself," : string.Empty)
                .Append(MasterOf[i] == Nobody ? "master" : "slave")
                .Append(Failed[i] ? ",fail" : string.Empty).Append(' ')
                .Append(MasterOf[i] == Nobody ? "-" : IdOf(MasterOf[i]))
                .Append(" 0 0 ").Append(ConfigEpoch[i]).Append(Failed[i] ? " disconnected" : " connected");
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
            if (Migrating[part] != Nobody)
                text.Append(" [").Append(SlotMap.Ranges[part].First).Append("->-").Append(IdOf(Migrating[part])).Append(']');
            else if (Importing[part] != Nobody)
                text.Append(" [").Append(SlotMap.Ranges[part].First).Append("-<-").Append(IdOf(Importing[part])).Append(']');
        }
    }

    /// <summary>The process is gone; what it wrote is on its disk.</summary>
    public void Crash()
    {
        _cluster.Note(this + " crashes");
        if (!IsMaster && !Lags)
            BeginToLag();
        IsUp = false;
    }

    /// <summary>The process is there again, with the keys, flags and beliefs that it had.</summary>
    public void Start()
    {
        if (IsUp)
            return;
        _cluster.Note(this + " starts");
        IsUp = true;
        _servesFrom = _cluster.Clock.Now + TimeSpan.FromSeconds(2);
        Array.Clear(Failed);
        if (!IsMaster)
        {
            Lags = Lags && !_cluster.Nodes[MasterOf[Index]].IsUp;
            return;
        }

        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Keys.CountIn(part) == 0 || Owner[part] == Index || Importing[part] != Nobody)
                continue;
            if (Rules.StartDeletesForeignKeys && Owner[part] != Nobody)
                DropAtStart(part);
            else if (Owner[part] == Nobody)
                Owner[part] = Index;
            else
                Importing[part] = Owner[part];
        }
    }

    /// <summary>From now on a replica does not get what its master writes. One in touch holds what its master holds.</summary>
    public void BeginToLag()
    {
        if (IsMaster || Lags)
            return;
        Lags = true;
        Keys = _cluster.Nodes[MasterOf[Index]].Keys.Copy();
    }

    /// <summary>A replica gets all that its master has.</summary>
    public void CatchUp() => Lags = false;

    /// <summary>Whether it would vote for a replica: not where it knows a later owner of what the replica would claim.</summary>
    public bool VotesFor(SimulatedNode replica)
    {
        var old = replica.MasterOf[replica.Index];
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (replica.Owner[part] == old && Owner[part] != Nobody && ConfigEpoch[Owner[part]] > replica.ConfigEpoch[old])
                return false;
        }

        return true;
    }

    /// <summary>A replica takes its master's place, if the masters with slots vote for it.</summary>
    public bool TakeOver()
    {
        var old = _cluster.Nodes[MasterOf[Index]];
        // A replica of a master without slots has nothing to be elected for.
        if (SlotsOf(old.Index) == 0 && !Rules.FlagsAreReplicated)
            return false;
        var voters = _cluster.Nodes.Where(node => node.IsUp && node.IsMaster && node.SlotsOwned > 0).ToList();
        if (voters.Count(voter => voter.VotesFor(this)) <= voters.Count / 2)
            return false;
        _cluster.Note(this + " takes the place of " + old);
        if (!Lags)
            Keys = old.Keys.Copy();
        foreach (var lost in old.Keys.DifferencesTo(Keys))
            _cluster.Ledger.ExcuseReplication(lost.Database, lost.Key, Keys.Get(lost.Database, SlotMap.PartOf(SlotMap.Bytes(lost.Key)), lost.Key));
        _tookOverAt = _cluster.Clock.Now;
        CurrentEpoch = _cluster.Nodes.Where(node => node.IsUp).Max(node => node.CurrentEpoch) + 1;
        ConfigEpoch[Index] = CurrentEpoch;
        MasterOf[Index] = Nobody;
        Lags = false;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Owner[part] == old.Index)
                Owner[part] = Index;
            if (!Rules.FlagsAreReplicated)
                Migrating[part] = Importing[part] = Nobody;
        }

        Broadcast();
        return true;
    }

    public void BecomeReplicaOf(int master)
    {
        _cluster.Note(this + " becomes a replica of n" + master);
        MasterOf[Index] = master;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            Migrating[part] = Importing[part] = Nobody;
            if (Owner[part] == Index)
                Owner[part] = Nobody;
        }

        Lags = false;
        Keys = new Dataset(Rules.Databases);
    }

    // A server that was restarted by others while it held keys without a flag: no promise of anybody else's either.
    private void DropAtStart(int part)
    {
        foreach (var lost in AllKeys().Where(key => key.Part == part).ToList())
            _cluster.Ledger.ExcuseStart(lost.Database, lost.Key, lost.Value);
        Drop(part, "at start, of a slot that is another's");
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
