using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A message of a node about itself on the cluster bus. A replica sends the slots of its master.</summary>
/// <param name="MasterOf">The master of the sender; <see cref="SimulatedNode.NoNode"/> for a master.</param>
/// <param name="Claims">One bit for each part of the slots.</param>
/// <param name="About">The node that an UPDATE or a FAIL is about; otherwise the sender.</param>
internal readonly record struct Gossip(int From, int MasterOf, long CurrentEpoch, long ConfigEpoch, int Claims, int About, bool WantsReply)
{
    public bool IsUpdate => About != From && !IsFail;

    public bool IsFail { get; init; }

    public bool IsMeet { get; init; }

    public System.TimeSpan SentAt { get; init; }

    /// <summary>The nodes that the sender knows, one bit for each.</summary>
    public int Known { get; init; }

    /// <summary>The nodes that the sender reports as failed or suspected.</summary>
    public int Suspected { get; init; }

    /// <summary>The nodes that the sender forgot in the last minute (Redis 7.2).</summary>
    public int Forgotten { get; init; }

    public bool Claim(int part) => (Claims & (1 << part)) != 0;
}

/// <summary>
/// Claims and epochs decide the owner of a slot (src/cluster_legacy.c: clusterProcessPacket, clusterUpdateSlotsConfigEpochWith).
/// </summary>
internal sealed partial class SimulatedNode
{
    // One bit for each part.
    private int _unclaimed;

    private readonly System.TimeSpan[] _importsSince = new System.TimeSpan[SlotMap.Parts];

    public Gossip CreateMessage(bool wantsReply)
    {
        var about = IsMaster ? Index : MasterOf[Index];
        return new Gossip(Index, MasterOf[Index], CurrentEpoch, ConfigEpoch[about], ClaimsOf(about), Index, wantsReply)
        {
            Known = _known,
            Suspected = SuspectedOrFailed(),
            Forgotten = Forgotten(),
        };
    }

    public void Receive(Gossip message)
    {
        if (!IsUp)
            return;
        if (message.IsUpdate || message.IsFail)
        {
            if (message.IsFail)
                ReceiveFail(message);
            else
                ReceiveUpdate(message);
            return;
        }

        if (message.IsMeet && !Knows(message.From))
            Add(_cluster.Nodes[message.From]);
        if (Knows(message.From))
            ReceiveFromKnown(message);
        if (message.WantsReply)
            _cluster.Send(Index, message.From, CreateMessage(wantsReply: false), isReply: true);
    }

    private void ReceiveFromKnown(Gossip message)
    {
        CurrentEpoch = System.Math.Max(CurrentEpoch, message.CurrentEpoch);
        ConfigEpoch[message.From] = System.Math.Max(ConfigEpoch[message.From], message.ConfigEpoch);
        _addresses[message.From] = _cluster.Nodes[message.From].Endpoint;
        Hear(message.From);
        ReceiveMembers(message);
        ReceiveReports(message);
        ReceiveForgotten(_cluster.Nodes[message.From], message.Forgotten);
        ReceiveRole(message);
        // Only claims of a master count. Those of a replica are only checked for being outdated.
        if (message.MasterOf == NoNode && ClaimsOf(message.From) != message.Claims)
            ReceiveClaims(message, message.From);
        var isEmptied = Rules.FlagsAreReplicated && IsMaster && SlotsOwned == 0 && message.MasterOf == NoNode;
        if (isEmptied && message.ConfigEpoch > ConfigEpoch[Index] && _cluster.SameShard(Index, message.From))
            BecomeReplicaOf(message.From);
        SendUpdate(message);
        ResolveCollision(message);
    }

    private int ClaimsOf(int node)
    {
        var claims = 0;
        for (var part = 0; part < SlotMap.Parts; part++)
            claims |= Owner[part] == node ? 1 << part : 0;
        return claims;
    }

    /// <summary>
    /// True if no node owns the part, or its owner no longer claims it. The owner stays in the view, but any claim wins, of any epoch.
    /// </summary>
    private bool IsUnclaimed(int part) => Owner[part] == NoNode || (_unclaimed & (1 << part)) != 0;

    private void SetOwner(int part, int owner)
    {
        Owner[part] = owner;
        if (!Rules.DoubtOutlivesOwner)
            _unclaimed &= ~(1 << part);
    }

    private void ReceiveRole(Gossip message)
    {
        var was = MasterOf[message.From];
        if (message.MasterOf == was)
            return;
        MasterOf[message.From] = message.MasterOf;
        if (was == NoNode)
        {
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                if (Owner[part] != message.From)
                    continue;
                // Valkey 8 assigns them to the new master of the sender at once, and imports follow.
                SetOwner(part, Rules.FlagsAreReplicated && message.MasterOf != Index ? message.MasterOf : NoNode);
            }

            if (Rules.FlagsAreReplicated)
                FollowFailover(message.From, message.MasterOf);
        }

        // A replica cannot have replicas.
        if (!IsMaster && MasterOf[Index] == message.From && message.MasterOf != NoNode && message.MasterOf != Index)
            MasterOf[Index] = message.MasterOf;
    }

    private void ReceiveClaims(Gossip message, int sender)
    {
        var (epoch, claims) = (message.ConfigEpoch, message.Claims);
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

            if (Owner[part] == sender)
                _unclaimed = claimed ? _unclaimed & ~(1 << part) : _unclaimed | (1 << part);
            if (!claimed || Owner[part] == sender)
                continue;
            // An importing Redis node learns the owner only by SETSLOT. Valkey also follows a claim with a higher epoch and clears the
            // flag.
            if (Importing[part] != NoNode && !Rules.FlagsAreReplicated)
                continue;
            if (!IsUnclaimed(part) && ConfigEpoch[Owner[part]] >= epoch)
                continue;
            if (Owner[part] == master)
                taken |= 1 << part;
            if (Owner[part] == Index && Keys.CountIn(part) > 0)
            {
                lostWithKeys |= 1 << part;
                ExcuseDoubt(part, message);
            }

            if (Rules.FlagsAreReplicated)
                FollowClaim(part, sender);
            SetOwner(part, sender);
            _unclaimed &= ~(1 << part);
        }

        // If the sender has exactly our slots, this was a failover. Otherwise a node becomes a replica only if that is allowed.
        if (taken != 0 && SlotsOf(master) == 0 && sender != Index && (AllowsReplicaMigration || ClaimsOf(sender) == taken))
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

    // A message from before the import can be waited for. The claim of a later one, sent before its sender heard of the handover, cannot.
    private void ExcuseDoubt(int part, Gossip message)
    {
        if (Rules.DoubtOutlivesOwner && ConfigEpoch[Index] >= message.ConfigEpoch && message.SentAt >= _importsSince[part])
            _cluster.Ledger.ExcuseRace(part, this + " loses a slot to a claim of n" + message.About + " with a lower epoch");
    }

    // On Valkey 8 an import follows a failover of its source to the successor. A claim of another shard ends the import.
    private void FollowClaim(int part, int sender)
    {
        if (Importing[part] != NoNode && Importing[part] != sender)
            Importing[part] = _cluster.SameShard(sender, Importing[part]) ? sender : NoNode;
        if (Migrating[part] != NoNode && Owner[part] == Index && sender != Index)
            Migrating[part] = NoNode;
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
        _cluster.Note(this + " claims part " + part + ", which n" + Owner[part] + " no longer claims");
        SetOwner(part, Index);
        Importing[part] = NoNode;
        BumpWithoutConsensus();
        Broadcast();
    }

    // Sends an UPDATE to a node that claims a slot whose owner has a higher epoch.
    private void SendUpdate(Gossip message)
    {
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            var owner = Owner[part];
            if (!message.Claim(part) || IsUnclaimed(part) || owner == message.From || owner == message.MasterOf)
                continue;
            if (ConfigEpoch[owner] <= message.ConfigEpoch)
                continue;
            var claims = ClaimsOf(owner) & ~_unclaimed;
            _cluster.Send(Index, message.From, new Gossip(Index, NoNode, CurrentEpoch, ConfigEpoch[owner], claims, owner, false));
            return;
        }
    }

    private void ReceiveUpdate(Gossip message)
    {
        if (message.About == Index || !Knows(message.From) || !Knows(message.About) || ConfigEpoch[message.About] >= message.ConfigEpoch)
            return;
        MasterOf[message.About] = NoNode;
        ConfigEpoch[message.About] = message.ConfigEpoch;
        CurrentEpoch = System.Math.Max(CurrentEpoch, message.ConfigEpoch);
        ReceiveClaims(message, message.About);
    }

    // Of two masters with the same epoch, the one with the smaller id raises its own.
    private void ResolveCollision(Gossip message)
    {
        if (!IsMaster || message.MasterOf != NoNode || message.ConfigEpoch != ConfigEpoch[Index])
            return;
        if (string.CompareOrdinal(_cluster.Nodes[message.From].Id, Id) <= 0)
            return;
        ConfigEpoch[Index] = ++CurrentEpoch;
    }

    /// <summary>Raises the epoch above all that the node knows, unless it is the highest already.</summary>
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
                SendTo(other.Index, CreateMessage(wantsReply: false));
        }
    }
}
