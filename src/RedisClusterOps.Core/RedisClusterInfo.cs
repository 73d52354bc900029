using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>One node's view of the cluster.</summary>
public sealed record RedisClusterOpinion
{
    /// <summary><c>host:port</c> of the node whose view it is.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary><c>ok</c> or <c>fail</c>.</summary>
    public string State { get; init; } = string.Empty;

    /// <summary>Slots with an owner, 0 to 16384; null if the node did not report it.</summary>
    public int? SlotsAssigned { get; init; }

    /// <summary>Slots whose owner is up.</summary>
    public int? SlotsOk { get; init; }

    /// <summary>Slots whose owner the node can't reach.</summary>
    public int? SlotsPFail { get; init; }

    /// <summary>Slots whose owner is down.</summary>
    public int? SlotsFail { get; init; }

    /// <summary>Nodes that the node knows.</summary>
    public int? KnownNodes { get; init; }

    /// <summary>The highest epoch that the node has seen.</summary>
    public long? CurrentEpoch { get; init; }

    /// <summary>Such as <c>127.0.0.1:7000 ok, 16384 slots ok</c>.</summary>
    public override string ToString() => Node + " " + State + ", " + (SlotsOk?.ToString(CultureInfo.InvariantCulture) ?? "?") + " slots ok";
}

/// <summary>The cluster as one object. If nodes see it differently it has the worst value; <see cref="Differences"/> lists them.</summary>
public sealed record RedisClusterInfo : IClusterResult
{
    /// <summary><c>ok</c> if every node that answered reports ok; otherwise <c>fail</c>.</summary>
    public string State { get; init; } = string.Empty;

    /// <summary>Slots with an owner, 0 to 16384: the minimum of all nodes.</summary>
    public int SlotsAssigned { get; init; }

    /// <summary>Slots whose owner is up: the minimum of all nodes.</summary>
    public int SlotsOk { get; init; }

    /// <summary>Slots whose owner a node can't reach: the maximum of all nodes.</summary>
    public int SlotsPFail { get; init; }

    /// <summary>Slots whose owner is down: the maximum of all nodes.</summary>
    public int SlotsFail { get; init; }

    /// <summary>Slots with an open migration.</summary>
    public int OpenSlots { get; init; }

    /// <summary>Nodes that any node knows.</summary>
    public int KnownNodes { get; init; }

    /// <summary>Nodes that answered.</summary>
    public int ReachableNodes { get; init; }

    /// <summary>Masters that own at least one slot.</summary>
    public int Size { get; init; }

    /// <summary>Known masters, those without slots included.</summary>
    public int Masters { get; init; }

    /// <summary>Known replicas.</summary>
    public int Replicas { get; init; }

    /// <summary>The highest epoch that any node has seen.</summary>
    public long CurrentEpoch { get; init; }

    /// <summary>The highest config epoch of any node.</summary>
    public long HighestConfigEpoch { get; init; }

    /// <summary>Keys on all masters that answered, strays included.</summary>
    public long KeyCount { get; init; }

    /// <summary>Bytes in use on all masters that answered.</summary>
    public long UsedMemory { get; init; }

    /// <summary>The servers that the nodes run.</summary>
    public IReadOnlyList<ServerEngine> Engines { get; init => field = value.Shown(); } = ShownList<ServerEngine>.Empty;

    /// <summary>The versions that the nodes run.</summary>
    public IReadOnlyList<string> Versions { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The view of each node that answered.</summary>
    public IReadOnlyList<RedisClusterOpinion> Views { get; init => field = value.Shown(); } = ShownList<RedisClusterOpinion>.Empty;

    /// <summary>One line for each node whose view differs from the majority.</summary>
    public IReadOnlyList<string> Differences { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>Changes when, and only when, the owner of any slot changes.</summary>
    public string Fingerprint { get; init; } = string.Empty;

    /// <summary>The cluster it is about.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;
}
