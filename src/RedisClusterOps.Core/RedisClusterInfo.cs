using System.Collections.Generic;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>How one node sees the whole cluster.</summary>
public sealed record RedisClusterOpinion
{
    /// <summary><c>host:port</c> of the node whose view it is.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary><c>ok</c> or <c>fail</c>: whether it serves.</summary>
    public string State { get; init; } = string.Empty;

    /// <summary>Slots with an owner, 0 to 16384; null where it did not tell.</summary>
    public int? SlotsAssigned { get; init; }

    /// <summary>Slots whose owner is up.</summary>
    public int? SlotsOk { get; init; }

    /// <summary>Slots whose owner it can't reach.</summary>
    public int? SlotsPFail { get; init; }

    /// <summary>Slots whose owner is down.</summary>
    public int? SlotsFail { get; init; }

    /// <summary>Nodes that it knows.</summary>
    public int? KnownNodes { get; init; }

    /// <summary>The highest epoch that it has seen.</summary>
    public long? CurrentEpoch { get; init; }

    /// <summary>Such as <c>127.0.0.1:7000 ok, 16384 slots ok</c>.</summary>
    public override string ToString() => Node + " " + State + ", " + (SlotsOk?.ToString(CultureInfo.InvariantCulture) ?? "?") + " slots ok";
}

/// <summary>The cluster in one object. Where nodes see it differently the worst view is given, and the difference in <see cref="Differences"/>.</summary>
public sealed record RedisClusterInfo
{
    /// <summary><c>ok</c> where every node that answered says ok, else <c>fail</c>.</summary>
    public string State { get; init; } = string.Empty;

    /// <summary>Slots with an owner, 0 to 16384: the least that any node knows.</summary>
    public int SlotsAssigned { get; init; }

    /// <summary>Slots whose owner is up: the least that any node knows.</summary>
    public int SlotsOk { get; init; }

    /// <summary>Slots whose owner a node can't reach: the most that any node knows.</summary>
    public int SlotsPFail { get; init; }

    /// <summary>Slots whose owner is down: the most that any node knows.</summary>
    public int SlotsFail { get; init; }

    /// <summary>Slots that are being moved, or whose move got stuck.</summary>
    public int OpenSlots { get; init; }

    /// <summary>Nodes that any node knows.</summary>
    public int KnownNodes { get; init; }

    /// <summary>Nodes that answered us.</summary>
    public int ReachableNodes { get; init; }

    /// <summary>Masters that own at least one slot.</summary>
    public int Size { get; init; }

    /// <summary>The highest epoch that any node has seen.</summary>
    public long CurrentEpoch { get; init; }

    /// <summary>The highest config epoch of any node.</summary>
    public long HighestConfigEpoch { get; init; }

    /// <summary>Keys on all masters that answered, strays included.</summary>
    public long KeyCount { get; init; }

    /// <summary>Bytes in use on all masters that answered.</summary>
    public long UsedMemory { get; init; }

    /// <summary>Which servers run.</summary>
    public IReadOnlyList<ServerEngine> Engines { get; init; } = [];

    /// <summary>Which versions run.</summary>
    public IReadOnlyList<string> Versions { get; init; } = [];

    /// <summary>What each node that answered says of the whole.</summary>
    public IReadOnlyList<RedisClusterOpinion> Views { get; init; } = [];

    /// <summary>A line for each node that sees the cluster otherwise than most.</summary>
    public IReadOnlyList<string> Differences { get; init; } = [];

    /// <summary>Changes when, and only when, the owner of any slot changes.</summary>
    public string Fingerprint { get; init; } = string.Empty;

    /// <summary>The cluster it is about.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
