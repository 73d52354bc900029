using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Slots that go from one master to another, in one run. Two of the same masters are two.</summary>
internal sealed class SlotPair(ClusterNode source, ClusterNode target, IReadOnlyList<SlotInMove> slots, bool isAtomic)
{
    public ClusterNode Source => source;

    public ClusterNode Target => target;

    public IReadOnlyList<SlotInMove> Slots => slots;

    /// <summary>True where the servers move them by themselves.</summary>
    public bool IsAtomic => isAtomic;

    /// <summary>Keys of all its slots as the plan counted them; null where it did not.</summary>
    public long? EstimatedKeys { get; init; }

    public MoveMethod Method => isAtomic ? MoveMethod.Atomic : MoveMethod.KeyByKey;

    public override string ToString() => source.Name + " -> " + target.Name;
}
