using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>What one node reports about the cluster and itself at one moment.</summary>
internal sealed record NodeView
{
    private const int MostNames = 5;

    private readonly Dictionary<string, NodeLine> _byId;
    private readonly Lazy<SlotOwners> _owners;

    /// <exception cref="RedisOperationException">ProtocolError: the answering node's own line is missing.</exception>
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

    /// <summary>The address at which the node was reached.</summary>
    public NodeEndpoint Dialled { get; }

    public IReadOnlyList<NodeLine> Lines { get; }

    /// <summary>The lines without duplicates: the last line of each id.</summary>
    public IReadOnlyCollection<NodeLine> DistinctLines => _byId.Values;

    public NodeLine Self { get; }

    public string Id => Self.Id;

    /// <summary>The fields of CLUSTER INFO.</summary>
    public IReadOnlyDictionary<string, string> ClusterInfo { get; init; } = new Dictionary<string, string>();

    public ServerFacts Facts { get; init; } = ServerFacts.None;

    /// <summary>The number of keys in all databases, including stray keys; null if unknown.</summary>
    public long? KeyCount { get; init; }

    /// <summary>When INFO was read, by the clock of the connections.</summary>
    public TimeSpan ReadAt { get; init; }

    /// <summary>CPU use in percent of one core; null if it was not measured or the node was not busy.</summary>
    public double? CpuPercent { get; init; }

    /// <summary>The number of databases. Only Valkey 9 and later support several in cluster mode (cluster-databases).</summary>
    public int Databases { get; init; } = 1;

    /// <summary>False if the user rights do not suffice to find the number of databases. Then there may be keys in more of them.</summary>
    public bool DatabasesKnown { get; init; } = true;

    /// <summary>Whether the node's MIGRATE uses TLS; null if unknown.</summary>
    public bool? TlsCluster { get; init; }

    /// <summary>The ports that the node's MIGRATE dials, by node id; null if they are the ports of its CLUSTER NODES.</summary>
    public IReadOnlyDictionary<string, int>? MigratePorts { get; init; }

    /// <summary>The server-side migrations in progress on this node.</summary>
    public IReadOnlyList<AtomicTask> AtomicTasks { get; init; } = [];

    /// <summary>
    /// Why the node may answer CLUSTERDOWN: the masters that it reports as failed, such as <c>: 10.0.0.3:7000 has failed</c>. Empty if it
    /// reports none.
    /// </summary>
    public string WhyDown
    {
        get
        {
            var failed = DistinctLines.Where(line => line.IsMaster && (line.Flags & NodeFlags.Fail) != 0 && line.Slots.Count > 0)
                .Select(line => line.Endpoint?.ToString() ?? line.Id).ToList();
            return failed.Count == 0 ? string.Empty
                : ": " + string.Join(", ", failed.Take(MostNames)) + (failed.Count > MostNames ? ", …" : string.Empty)
                    + (failed.Count == 1 ? " has failed" : " have failed");
        }
    }

    /// <summary>True if it lists a replica of its own, even a failed one, which may return and take its place.</summary>
    public bool HasReplicas => Lines.Any(line => line.MasterId == Id);

    public NodeLine? Line(string id) => _byId.TryGetValue(id, out var line) ? line : null;

    /// <summary>The id of the slot's owner in this node's view; null if it has none.</summary>
    public string? OwnerOf(int slot) => _owners.Value.OwnerOf(slot);
}

/// <summary>The owner of each slot in the view of one node.</summary>
/// <remarks>There is one for each node and each reading, so it contains only the sorted ranges of the lines, for binary search.</remarks>
internal sealed class SlotOwners
{
    private readonly List<(SlotRange Range, string Id)> _sorted = [];

    /// <summary>The unsorted ranges if a slot has two owners, because then the last line counts; otherwise null.</summary>
    private readonly List<(SlotRange Range, string Id)>? _asReported;

    public SlotOwners(IReadOnlyList<NodeLine> lines)
    {
        foreach (var line in lines)
        {
            foreach (var range in line.Slots.Ranges)
                _sorted.Add((range, line.Id));
        }

        var reported = _sorted.ToArray();
        _sorted.Sort((a, b) => a.Range.CompareTo(b.Range));
        for (var i = 1; i < _sorted.Count; i++)
        {
            if (_sorted[i].Range.First <= _sorted[i - 1].Range.Last)
                _asReported = [.. reported];
        }
    }

    /// <summary>The id of the owner; null if there is none.</summary>
    public string? OwnerOf(int slot)
    {
        if (_asReported is not null)
            return _asReported.FindLast(claim => claim.Range.First <= slot && slot <= claim.Range.Last).Id;
        var (low, high) = (0, _sorted.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var (range, id) = _sorted[middle];
            if (slot < range.First)
                high = middle - 1;
            else if (slot > range.Last)
                low = middle + 1;
            else
                return id;
        }

        return null;
    }
}
