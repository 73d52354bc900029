using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps;

/// <content>Plans that move slots whole.</content>
public sealed partial class RedisCluster
{
    /// <summary>What makes the masters even, by their weights. Reads and counts, writes nothing.</summary>
    /// <param name="move">How the slots are going to move.</param>
    /// <returns>A plan without moves where nothing is off by more than the threshold.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument, NodeNotFound, AmbiguousNode, NodeUnreachable, SlotStateUnsuitable or PermissionDenied.</exception>
    public async Task<RedisRebalancePlan> PlanRebalanceAsync(RebalanceOptions options, MoveOptions move, CancellationToken cancellation)
    {
        var (view, counts) = await ReadWithCountsAsync(cancellation).ConfigureAwait(false);
        return RebalancePlanner.Plan(view, options, counts, move.Method, _session);
    }

    /// <summary>What brings chosen slots to one master. Reads and counts, writes nothing.</summary>
    /// <param name="move">How the slots are going to move.</param>
    /// <returns>A plan without moves where the target owns them already.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument, SlotNotOwned, NodeNotFound, AmbiguousNode, NodeUnreachable or SlotStateUnsuitable.</exception>
    public async Task<RedisRebalancePlan> PlanMoveAsync(SlotSelection selection, MoveOptions move, CancellationToken cancellation)
    {
        var (view, counts) = await ReadWithCountsAsync(cancellation).ConfigureAwait(false);
        return SlotSelectionPlanner.Plan(view, selection, counts, move.Method, _session);
    }

    private async Task<(ClusterView View, SlotCounts Counts)> ReadWithCountsAsync(CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var owned = MasterSlots.Of(view).Select(master => (master.Node, master.Slots));
        return (view, await new SlotCountReader(_reader).ReadAsync(owned, cancellation).ConfigureAwait(false));
    }
}
