using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>What state a slot is in that is not simply owned by one master. The S numbers are those of docs/architecture.md.</summary>
public enum RedisOpenSlotState
{
    /// <summary>S1: the target is importing, the owner does not know of it, no key has moved.</summary>
    ImportingOnly,

    /// <summary>S2: the owner is migrating, the target does not know of it.</summary>
    MigratingOnly,

    /// <summary>S3: both ends are open and keys remain on the source.</summary>
    Migrating,

    /// <summary>S3: both ends are open and no key remains on the source.</summary>
    Drained,

    /// <summary>S4: the target owns the slot, the source still shows that it migrates.</summary>
    FinishedOnTarget,

    /// <summary>S5: the source gave the slot to the target, which does not know it yet.</summary>
    FinishedOnSource,

    /// <summary>S6: a replica took the source's place and knows nothing of the migration.</summary>
    SourceFailedOver,

    /// <summary>S7: a replica took the target's place and knows nothing of the migration.</summary>
    TargetFailedOver,

    /// <summary>S8: a node that does not own the slot holds keys of it, and the owner knows nothing of a migration.</summary>
    StrayKeys,

    /// <summary>S9: nodes disagree about the owner and nobody has the slot open.</summary>
    ClaimedWithoutEpoch,

    /// <summary>S10: nobody owns the slot.</summary>
    Unowned,

    /// <summary>S11: flags that fit no single migration: several importers, an unknown id, an end that is not there.</summary>
    Tangled,

    /// <summary>A1: the servers move the slot themselves.</summary>
    Atomic,
}

/// <summary>A slot that is open, disputed or without an owner; what clients see of it now; and the one command to run next.</summary>
public sealed record RedisOpenSlot : IComparable<RedisOpenSlot>
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>What state it is in.</summary>
    public RedisOpenSlotState State { get; init; }

    /// <summary><c>host:port</c> of the master that owns it now; null where nobody does.</summary>
    public string? Owner { get; init; }

    /// <summary><c>host:port</c> of the master that the keys leave; null where there is none.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the keys go to; null where there is none.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Keys of the slot on the source; null where it did not tell.</summary>
    public long? KeysOnSource { get; init; }

    /// <summary>Keys of the slot on the target; null where it did not tell (Garnet counts only the slots that it owns).</summary>
    public long? KeysOnTarget { get; init; }

    /// <summary>Share of the keys that are on the target, 0 to 100; null where it can't be known.</summary>
    public int? PercentComplete { get; init; }

    /// <summary>Since when it has been open, UTC; null where nothing recorded it, for servers do not.</summary>
    public DateTime? Since { get; init; }

    /// <summary>When the journal, or an earlier look, last saw it get on, UTC; null where neither knows of it.</summary>
    public DateTime? LastProgress { get; init; }

    /// <summary>Keys that moved per second lately; null where nobody is known to be moving it.</summary>
    public double? KeysPerSecond { get; init; }

    /// <summary>How long the rest takes at that rate; null where there is none, and below 1 %, where it would be a guess.</summary>
    public TimeSpan? TimeLeft { get; init; }

    /// <summary>When this was read, UTC: what makes it an earlier look for a later one.</summary>
    public DateTime ObservedAt { get; init; }

    /// <summary>What a client sees of the slot now.</summary>
    public string ClientsSee { get; init; } = string.Empty;

    /// <summary>What was found, where the state's name does not say it all; null otherwise.</summary>
    public string? Detail { get; init; }

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>How long the rest takes at a rate; null if nothing moves, and below 1 %, where it would be a guess.</summary>
    internal TimeSpan? TimeLeftAt(double? keysPerSecond)
    {
        if (PercentComplete is not >= 1 || KeysOnSource is not { } keys || keysPerSecond is not > 0)
            return null;
        var seconds = keys / keysPerSecond.Value;
        return seconds < TimeSpan.FromDays(365).TotalSeconds ? TimeSpan.FromSeconds(Math.Ceiling(seconds)) : null;
    }

    /// <summary>By slot.</summary>
    public int CompareTo(RedisOpenSlot? other) => Slot.CompareTo(other?.Slot ?? -1);

    /// <summary>Such as <c>slot 5519 Migrating</c>.</summary>
    public override string ToString() => "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " " + State;
}
