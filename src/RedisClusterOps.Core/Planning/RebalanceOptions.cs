using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>What a rebalance makes even.</summary>
public enum RebalanceMeasure
{
    /// <summary>The number of slots.</summary>
    Slots,

    /// <summary>The number of keys.</summary>
    Keys,

    /// <summary>The memory that keys take.</summary>
    Memory,
}

/// <summary>What a rebalance is to reach.</summary>
public sealed record RebalanceOptions
{
    /// <summary>
    /// Node (id, unique id prefix or <c>host:port</c>) -> weight, 0 or more; 0 drains the node. A master that is not named has weight 1, or 0
    /// where it has no slots and <see cref="UseEmptyMaster"/> is false.
    /// </summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>True to give slots to masters that have none.</summary>
    public bool UseEmptyMaster { get; init; }

    /// <summary>Percent, 0 to 100, that a master's share may be off before anything is moved; 0 for exact.</summary>
    public double Threshold { get; init; } = 2;

    /// <summary>What is made even.</summary>
    public RebalanceMeasure By { get; init; }
}
