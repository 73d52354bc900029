using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>What a node says of itself on the cluster's bus; a replica speaks of its master's slots.</summary>
/// <param name="MasterOf">The sender's master; <see cref="SimulatedNode.Nobody"/> of a master.</param>
/// <param name="Claims">A bit for each part of the slots.</param>
/// <param name="About">Of an UPDATE the node that it is about, else the sender.</param>
internal readonly record struct Gossip(int From, int MasterOf, long CurrentEpoch, long ConfigEpoch, int Claims, int About, bool WantsReply)
{
    public bool IsUpdate => About != From;

    public bool Claim(int part) => (Claims & (1 << part)) != 0;
}

/// <summary>How claims and epochs decide who owns what (src/cluster_legacy.c: clusterProcessPacket, clusterUpdateSlotsConfigEpochWith).</summary>
internal sealed partial class SimulatedNode
{
    public Gossip Speak(bool wantsReply)
    {
        var about = IsMaster ? Index : MasterOf[Index];
        return new Gossip(Index, MasterOf[Index], CurrentEpoch, ConfigEpoch[about], ClaimsOf(about), Index, wantsReply);
    }

    public void Hear(Gossip said)
    {
        if (!IsUp)
            return;
        if (said.IsUpdate)
        {
            HearUpdate(said);
            return;
        }

        CurrentEpoch = System.Math.Max(CurrentEpoch, said.CurrentEpoch);
        ConfigEpoch[said.From] = System.Math.Max(ConfigEpoch[said.From], said.ConfigEpoch);
        Failed[said.From] = false;
        HearRole(said);
        // Only a master's claims are taken; a replica's are looked at for being out of date.
        if (said.MasterOf == Nobody && ClaimsOf(said.From) != said.Claims)
            HearClaims(said.From, said.ConfigEpoch, said.Claims);
        if (Rules.FlagsAreReplicated && IsMaster && SlotsOwned == 0 && said.MasterOf == Nobody && said.ConfigEpoch > ConfigEpoch[Index] && _cluster.SameShard(Index, said.From))
            BecomeReplicaOf(said.From);
        Correct(said);
        ResolveCollision(said);
        if (said.WantsReply)
            _cluster.Send(Index, said.From, Speak(wantsReply: false));
    }

    private int ClaimsOf(int node)
    {
        var claims = 0;
        for (var part = 0; part < SlotMap.Parts; part++)
            claims |= Owner[part] == node ? 1 << part : 0;
        return claims;
    }

    private void HearRole(Gossip said)
    {
        var was = MasterOf[said.From];
        if (said.MasterOf == was)
            return;
        MasterOf[said.From] = said.MasterOf;
        if (was == Nobody)
        {
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                if (Owner[part] != said.From)
                    continue;
                // Valkey 8 gives them to the sender's new master at once, and imports follow it.
                Owner[part] = Rules.FlagsAreReplicated && said.MasterOf != Index ? said.MasterOf : Nobody;
            }

            if (Rules.FlagsAreReplicated)
                FollowFailover(said.From, said.MasterOf);
        }

        // Nobody replicates a replica.
        if (!IsMaster && MasterOf[Index] == said.From && said.MasterOf != Nobody && said.MasterOf != Index)
            MasterOf[Index] = said.MasterOf;
    }

    private void HearClaims(int sender, long epoch, int claims)
    {
        var master = IsMaster ? Index : MasterOf[Index];
        var taken = 0;
        var lostWithKeys = 0;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            var claimed = (claims & (1 << part)) != 0;
            if (!claimed && Owner[part] == sender && Rules.ImporterClaimsWhatIsGivenUp && IsMaster && Importing[part] == sender)
            {
                ClaimImported(part);
                continue;
            }

            if (!claimed || Owner[part] == sender)
                continue;
            // An importing node is told by SETSLOT alone. Valkey also follows a claim with a higher epoch, and drops the flag.
            if (Importing[part] != Nobody && !Rules.FlagsAreReplicated)
                continue;
            if (Owner[part] != Nobody && ConfigEpoch[Owner[part]] >= epoch)
                continue;
            if (Owner[part] == master)
                taken |= 1 << part;
            if (Owner[part] == Index && Keys.CountIn(part) > 0)
                lostWithKeys |= 1 << part;
            if (Rules.FlagsAreReplicated)
                FollowClaim(part, sender);
            Owner[part] = sender;
        }

        // Of a sender that has just our slots we were failed over; of any other we follow only where that is allowed.
        if (taken != 0 && SlotsOf(master) == 0 && sender != Index && (FollowsItsLastSlot || ClaimsOf(sender) == taken))
        {
            BecomeReplicaOf(sender);
            return;
        }

        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if ((lostWithKeys & (1 << part)) != 0)
                Drop(part, "of a slot that it lost to n" + sender);
        }
    }

    // Valkey 8: whoever imports from a node that failed over imports from its successor; a claim from outside ends the import.
    private void FollowClaim(int part, int sender)
    {
        if (Importing[part] != Nobody && Importing[part] != sender)
            Importing[part] = _cluster.SameShard(sender, Importing[part]) ? sender : Nobody;
        if (Migrating[part] != Nobody && Owner[part] == Index && sender != Index)
            Migrating[part] = Nobody;
    }

    private void FollowFailover(int old, int successor)
    {
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (successor == Index)
                continue;
            if (Importing[part] == old)
                Importing[part] = successor;
            if (Migrating[part] == old)
                Migrating[part] = successor;
        }
    }

    private void ClaimImported(int part)
    {
        _cluster.Note(this + " claims part " + part + ", which n" + Owner[part] + " has given up");
        Owner[part] = Index;
        Importing[part] = Nobody;
        BumpWithoutConsensus();
        Broadcast();
    }

    // Whoever claims what a higher epoch owns is told.
    private void Correct(Gossip said)
    {
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            var owner = Owner[part];
            if (!said.Claim(part) || owner == Nobody || owner == said.From || owner == said.MasterOf || ConfigEpoch[owner] <= said.ConfigEpoch)
                continue;
            _cluster.Send(Index, said.From, new Gossip(Index, Nobody, CurrentEpoch, ConfigEpoch[owner], ClaimsOf(owner), owner, false));
            return;
        }
    }

    private void HearUpdate(Gossip said)
    {
        if (said.About == Index || ConfigEpoch[said.About] >= said.ConfigEpoch)
            return;
        MasterOf[said.About] = Nobody;
        ConfigEpoch[said.About] = said.ConfigEpoch;
        CurrentEpoch = System.Math.Max(CurrentEpoch, said.ConfigEpoch);
        HearClaims(said.About, said.ConfigEpoch, said.Claims);
    }

    // Of two masters with one epoch the one with the smaller id takes the next.
    private void ResolveCollision(Gossip said)
    {
        if (!IsMaster || said.MasterOf != Nobody || said.ConfigEpoch != ConfigEpoch[Index] || said.From <= Index)
            return;
        ConfigEpoch[Index] = ++CurrentEpoch;
    }

    /// <summary>Raises its epoch above all that it has heard of; nothing where it is the highest already.</summary>
    public bool BumpWithoutConsensus()
    {
        var highest = System.Math.Max(CurrentEpoch, ConfigEpoch.Max());
        if (ConfigEpoch[Index] != 0 && ConfigEpoch[Index] == highest)
            return false;
        CurrentEpoch = highest + 1;
        ConfigEpoch[Index] = CurrentEpoch;
        return true;
    }

    public void Broadcast()
    {
        foreach (var other in _cluster.Nodes)
        {
            if (other != this)
                _cluster.Send(Index, other.Index, Speak(wantsReply: false));
        }
    }
}
