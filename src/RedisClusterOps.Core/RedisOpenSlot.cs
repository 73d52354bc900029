using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>The state of a slot that is not simply owned by one master. The S numbers are those of docs/states.md.</summary>
public enum RedisOpenSlotState : long
{
    /// <summary>S1: the target is importing, the owner is not migrating, and no key has moved.</summary>
    ImportingOnly,

    /// <summary>S2: the owner is migrating, the target is not importing.</summary>
    MigratingOnly,

    /// <summary>S3: both ends are open and keys remain on the source, or the slot has no key on either end.</summary>
    Migrating,

    /// <summary>S3: both ends are open, the target has keys, and no key remains on the source.</summary>
    Drained,

    /// <summary>S4: the target owns the slot, and the source is still migrating.</summary>
    FinishedOnTarget,

    /// <summary>S5: the source handed the slot over to the target, which does not know it yet.</summary>
    FinishedOnSource,

    /// <summary>S6: a replica replaced the source and does not know of the migration.</summary>
    SourceFailedOver,

    /// <summary>S7: a replica replaced the target and does not know of the migration.</summary>
    TargetFailedOver,

    /// <summary>S8: a node that does not own the slot holds keys of it, and the owner does not know of a migration.</summary>
    StrayKeys,

    /// <summary>S9: nodes disagree about the owner, and no node has the slot open.</summary>
    ClaimedWithoutEpoch,

    /// <summary>S10: no node owns the slot.</summary>
    Unowned,

    /// <summary>S11: flags that fit no single migration: several importers, an unknown id, a missing end.</summary>
    Tangled,

    /// <summary>A1: a server-side migration is moving the slot.</summary>
    Atomic,
}

/// <summary>A slot that is open, disputed or without an owner: its state, what clients see, and what to do next.</summary>
public sealed record RedisOpenSlot : IComparable<RedisOpenSlot>, IClusterResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The state.</summary>
    public RedisOpenSlotState State { get; init; }

    /// <summary><c>host:port</c> of the owner; null if there is none.</summary>
    public string? Owner { get; init; }

    /// <summary><c>host:port</c> of the master that the keys leave; null if there is none.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the keys go to; null if there is none.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Keys of the slot on the source; null if it is unknown.</summary>
    public long? KeysOnSource { get; init; }

    /// <summary>Keys of the slot on the target; null if it is unknown (Garnet counts only the slots that it owns).</summary>
    public long? KeysOnTarget { get; init; }

    /// <summary>Percentage of the keys that are on the target, 0 to 100; null if it is unknown.</summary>
    public int? PercentComplete { get; init; }

    /// <summary>Since when it has been open, UTC; null if neither the journal nor an earlier check recorded it. Servers do not.</summary>
    public DateTime? Since { get; init; }

    /// <summary>The last progress that the journal or an earlier check recorded, UTC; null if there is none.</summary>
    public DateTime? LastProgress { get; init; }

    /// <summary>The recent rate in keys per second; null if no run is known to be moving keys.</summary>
    public double? KeysPerSecond { get; init; }

    /// <summary>The time left at that rate; null without a rate, and below 1 %, where it would be a guess.</summary>
    public TimeSpan? TimeLeft { get; init; }

    /// <summary>When this was read, UTC. A later check uses it as an earlier observation.</summary>
    public DateTime ObservedAt { get; init; }

    /// <summary>The run of the journal that moves the slot or left it open; null if there is none.</summary>
    public string? MigrationId { get; init; }

    /// <summary>What clients see of the slot now.</summary>
    public string ClientsSee { get; init; } = string.Empty;

    /// <summary>Details that the state does not include; null if there are none.</summary>
    public string? Detail { get; init; }

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>The time left at a rate; null without a rate, and below 1 %, where it would be a guess.</summary>
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
