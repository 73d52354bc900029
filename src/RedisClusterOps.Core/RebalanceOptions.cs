using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

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

    /// <summary>Such as <c>by Slots, threshold 2 %, empty masters too, 10.0.0.1:6379 = 2</c>.</summary>
    public override string ToString() => string.Format(CultureInfo.InvariantCulture, "by {0}, threshold {1} %", By, Threshold) + (UseEmptyMaster ? ", empty masters too" : string.Empty)
        + string.Concat(Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => string.Format(CultureInfo.InvariantCulture, ", {0} = {1}", pair.Key, pair.Value)));
}
