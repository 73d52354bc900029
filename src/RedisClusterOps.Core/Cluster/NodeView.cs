using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>All that one node said about the cluster and about itself, at one moment.</summary>
internal sealed record NodeView
{
    private readonly Dictionary<string, NodeLine> _byId;
    private readonly Lazy<SlotOwners> _owners;

    /// <exception cref="RedisOperationException">ProtocolError: no line is the answering node's own.</exception>
    public NodeView(NodeEndpoint dialled, IReadOnlyList<NodeLine> lines)
    {
        Dialled = dialled;
        Lines = lines;
        Self = lines.FirstOrDefault(line => (line.Flags & NodeFlags.Myself) != 0)
            ?? throw new RedisOperationException(
                FailureCode.ProtocolError, "CLUSTER NODES of " + dialled + " has no line of its own ('myself').", dialled.ToString());
        _byId = new Dictionary<string, NodeLine>(StringComparer.Ordinal);
        foreach (var line in lines)
            _byId[line.Id] = line;
        _owners = new Lazy<SlotOwners>(() => new SlotOwners(lines));
    }

    /// <summary>The address that was dialled to read this.</summary>
    public NodeEndpoint Dialled { get; }

    public IReadOnlyList<NodeLine> Lines { get; }

    /// <summary>The same, but of each id the one that counts: the last.</summary>
    public IReadOnlyCollection<NodeLine> LineOfEach => _byId.Values;

    public NodeLine Self { get; }

    public string Id => Self.Id;

    /// <summary>Fields of CLUSTER INFO.</summary>
    public IReadOnlyDictionary<string, string> ClusterInfo { get; init; } = new Dictionary<string, string>();

    public ServerFacts Facts { get; init; } = ServerFacts.None;

    /// <summary>Keys of all databases, strays included; null where the node would not tell.</summary>
    public long? KeyCount { get; init; }

    /// <summary>When it told INFO, by the clock of the connections.</summary>
    public TimeSpan ReadAt { get; init; }

    /// <summary>Processor use in percent of one core between two looks; null where it was looked at once, or was quiet at a glance.</summary>
    public double? CpuPercent { get; init; }

    /// <summary>How many databases may hold keys. Only Valkey 9 allows more than one in cluster mode (cluster-databases).</summary>
    public int Databases { get; init; } = 1;

    /// <summary>False where the user may neither ask nor try how many databases there are: then keys in more of them can't be ruled out.</summary>
    public bool DatabasesKnown { get; init; } = true;

    /// <summary>Whether the node's MIGRATE speaks TLS; null where the node does not say.</summary>
    public bool? TlsCluster { get; init; }

    /// <summary>Id to port for the node's MIGRATE, where that speaks otherwise than our connection; null where the ports of its CLUSTER NODES are right.</summary>
    public IReadOnlyDictionary<string, int>? MigratePorts { get; init; }

    /// <summary>Server-side migrations that run on this node.</summary>
    public IReadOnlyList<AtomicTask> AtomicTasks { get; init; } = [];

    public NodeLine? Line(string id) => _byId.TryGetValue(id, out var line) ? line : null;

    /// <summary>Id of the node that this node believes to own the slot; null where it knows none.</summary>
    public string? OwnerOf(int slot) => _owners.Value.OwnerOf(slot);
}
