using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A replica takes the place of its master, by votes or without (src/cluster_legacy.c: clusterSendFailoverAuthIfNeeded,
/// clusterFailoverReplaceYourMaster).
/// </summary>
internal sealed partial class SimulatedNode
{
    /// <summary>
    /// True if the node votes for a replica. It does not if it knows a later owner of a slot that the replica would claim.
    /// </summary>
    public bool VotesFor(SimulatedNode replica)
    {
        var old = replica.MasterOf[replica.Index];
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (replica.Owner[part] == old && !IsUnclaimed(part) && ConfigEpoch[Owner[part]] > replica.ConfigEpoch[old])
                return false;
        }

        return true;
    }

    /// <summary>Takes the place of the master if a majority of the masters with slots votes for it.</summary>
    public bool WinElection()
    {
        var old = _cluster.Nodes[MasterOf[Index]];
        // There is no election for a master without slots.
        if (SlotsOf(old.Index) == 0 && !Rules.FlagsAreReplicated)
            return false;
        var voters = _cluster.Nodes.Where(node => node.IsUp && node.IsMaster && node.SlotsOwned > 0).ToList();
        if (voters.Count(voter => voter.VotesFor(this)) <= voters.Count / 2)
            return false;
        CurrentEpoch = _cluster.Nodes.Where(node => node.IsUp).Max(node => node.CurrentEpoch) + 1;
        ConfigEpoch[Index] = CurrentEpoch;
        ReplaceMaster(old);
        return true;
    }

    private TimeSpan _delaysUntil;

    /// <summary>A CLUSTER FAILOVER of this master begins. The node delays writes until it is a replica, or for five seconds.</summary>
    public void DelayWrites() => _delaysUntil = _cluster.Clock.Now + TimeSpan.FromSeconds(5);

    private static readonly HashSet<string> Delayed = new(StringComparer.Ordinal)
    {
        "MIGRATE", "SET", "INCR", "DEL", "RESTORE", "RESTORE-ASKING", "PFCOUNT",
    };

    /// <summary>True while the node delays the command, because it may write (src/server.c: processCommand).</summary>
    public bool Delays(RespCommand command, ConnectionState connection)
    {
        if (_cluster.Clock.Now >= _delaysUntil)
            return false;
        var call = new Call(command, connection);
        return call.Word(0) == "EXEC" ? connection.Queued?.Exists(queued => Delayed.Contains(new Call(queued, connection).Word(0))) == true
            : Delayed.Contains(call.Word(0));
    }

    /// <summary>CLUSTER FAILOVER TAKEOVER: without votes, with an epoch above those that this node knows.</summary>
    public void TakeOver()
    {
        BumpWithoutConsensus();
        ReplaceMaster(_cluster.Nodes[MasterOf[Index]]);
    }

    // It claims what its own view, not that of its master, says of the slots.
    private void ReplaceMaster(SimulatedNode old)
    {
        _cluster.Note(this + " takes the place of " + old);
        ExcuseUnheard(old);
        if (!Lags)
            Keys = old.Keys.Copy();
        foreach (var lost in old.Keys.DifferencesTo(Keys))
            _cluster.Ledger.ExcuseReplication(
                lost.Database, lost.Key, Keys.Get(lost.Database, SlotMap.PartOf(SlotMap.Bytes(lost.Key)), lost.Key));
        _tookOverAt = _cluster.Clock.Now;
        MasterOf[Index] = NoNode;
        Lags = false;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Owner[part] == old.Index)
                SetOwner(part, Index);
            else if (Keys.CountIn(part) > 0)
                _cluster.Ledger.ExcuseCopies(part, this);
            if (!Rules.FlagsAreReplicated)
                Migrating[part] = Importing[part] = NoNode;
        }

        Broadcast();
    }

    /// <summary>
    /// The boundary of law 16. A slot was handed over before its source died, or within the time that commands may be in the air, and
    /// the replica that takes over has not heard of it: it claims the slot, and no order of commands could prevent the loss. A slot that
    /// is handed over later, or that the replica has heard of, is not excused.
    /// </summary>
    private void ExcuseUnheard(SimulatedNode old)
    {
        ExcuseUnheardEpoch(old);
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Owner[part] != old.Index)
                continue;
            var taker = _cluster.Nodes.FirstOrDefault(node =>
                node != this && node != old && node.IsMaster && node.Owner[part] == node.Index);
            if (taker is not null && taker._assignedAt[part] > TimeSpan.Zero
                && taker._assignedAt[part] <= (old.DiedAt ?? _cluster.Clock.Now) + SimulatedCluster.InTheAir)
                _cluster.Ledger.ExcuseRace(part, taker + " cannot know of " + this);
        }
    }

    /// <summary>
    /// The same for a target that dies: it raised its epoch when it took over a slot, and the replica that takes its place has not heard
    /// of that. It may choose the same epoch, so the servers keep one of the two when the former target returns, with all of its slots.
    /// </summary>
    private void ExcuseUnheardEpoch(SimulatedNode old)
    {
        var owned = Enumerable.Range(0, SlotMap.Parts).Where(part => old.Owner[part] == old.Index).ToList();
        var hasHeard = ConfigEpoch[old.Index] == old.ConfigEpoch[old.Index] && owned.All(part => Owner[part] == old.Index);
        if (hasHeard || owned.All(part => old._assignedAt[part] == TimeSpan.Zero))
            return;
        foreach (var part in owned)
            _cluster.Ledger.ExcuseRace(part, old + " cannot know of " + this);
    }

    public void BecomeReplicaOf(int master)
    {
        _cluster.Note(this + " becomes a replica of n" + master);
        _delaysUntil = TimeSpan.Zero;
        MasterOf[Index] = master;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            Migrating[part] = Importing[part] = NoNode;
            if (Owner[part] == Index)
                SetOwner(part, NoNode);
        }

        Lags = false;
        Keys = new Dataset(Rules.Databases);
    }
}
