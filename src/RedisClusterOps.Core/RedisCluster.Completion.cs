using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <content>What can be typed next: read in one look, for whoever waits with a finger on Tab.</content>
public sealed partial class RedisCluster
{
    /// <summary>Every node, without the look at its processor, which takes a moment.</summary>
    public async Task<IReadOnlyList<RedisClusterNode>> ListNodesAsync(CancellationToken cancellation) =>
        NodeReport.Nodes(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false), _session);

    /// <summary>The open slots, and every node with the slots that it owns.</summary>
    internal async Task<(IReadOnlyList<RedisOpenSlot> Open, IReadOnlyList<RedisClusterNode> Nodes)> ListSlotsAsync(CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, null, cancellation).ConfigureAwait(false);
        return (open, NodeReport.Nodes(view, _session));
    }
}
