using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps;

/// <content>Plans that move whole slots.</content>
public sealed partial class RedisCluster
{
    // Long enough for the slots that matter: a hot slot is busy all the time.
    private static readonly TimeSpan LoadWindow = TimeSpan.FromSeconds(5);

    /// <summary>Plans to even out the masters by their weights. Reads and counts, changes nothing.</summary>
    /// <param name="options">What to even out, and how far.</param>
    /// <param name="move">How the slots will move.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan without moves if no master is off by more than the threshold.</returns>
    /// <exception cref="RedisOperationException">
    /// InvalidArgument, NodeNotFound, AmbiguousNode, NodeUnreachable, SlotStateUnsuitable or PermissionDenied.
    /// </exception>
    public async Task<RedisRebalancePlan> PlanRebalanceAsync(RebalanceOptions options, MoveOptions move, CancellationToken cancellation)
    {
        var (view, counts) = await ReadWithCountsAsync(cancellation).ConfigureAwait(false);
        if (options.By is RebalanceMeasure.Cpu or RebalanceMeasure.Network)
            await MeasureLoadsAsync(view, options.By == RebalanceMeasure.Cpu, counts, cancellation).ConfigureAwait(false);
        var plan = PlanOn(view, move, () => RebalancePlanner.Plan(view, options, counts, move.Method, _session));
        if (!options.UseEmptyMaster || MasterSlots.Of(view).Any(master => master.Slots.Count == 0))
            return plan;
        var none = RebalancePlanner.NoEmptyMaster(view, _history.FormerMasters(view, move.JournalPath));
        return plan with { Findings = [.. plan.Findings, none.WithAdvice(NextActionText)] };
    }

    /// <summary>Plans to move selected slots to one master. Reads and counts, changes nothing.</summary>
    /// <param name="selection">Which slots, and where to.</param>
    /// <param name="move">How the slots will move.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan without moves if the target already owns them.</returns>
    /// <exception cref="RedisOperationException">
    /// InvalidArgument, SlotNotOwned, NodeNotFound, AmbiguousNode, NodeUnreachable or SlotStateUnsuitable.
    /// </exception>
    public async Task<RedisRebalancePlan> PlanMoveAsync(SlotSelection selection, MoveOptions move, CancellationToken cancellation)
    {
        var (view, counts) = await ReadWithCountsAsync(cancellation).ConfigureAwait(false);
        return PlanOn(view, move, () => SlotSelectionPlanner.Plan(view, selection, counts, move.Method, _session));
    }

    // What a server has counted so far says little: a slot that was moved counts from its move. So the load is measured now.
    private async Task MeasureLoadsAsync(ClusterView view, bool isCpu, SlotCounts counts, CancellationToken cancellation)
    {
        var owners = MasterSlots.Of(view).Where(master => master.Slots.Count > 0).Select(master => master.Node).ToList();
        var measure = isCpu ? SlotLoadMeasure.Cpu : SlotLoadMeasure.NetworkIn;
        var (loads, failures) = await new SlotLoads(_reader, _session).ReadAsync(view, owners, measure, LoadWindow, cancellation)
            .ConfigureAwait(false);
        if (failures.Count > 0)
            throw failures[0];
        foreach (var load in loads)
            counts.SetLoad(load.Slot, isCpu ? load.CpuMicroseconds : load.NetworkInBytes + load.NetworkOutBytes);
    }

    private RedisRebalancePlan PlanOn(ClusterView view, MoveOptions move, Func<RedisRebalancePlan> plan)
    {
        try
        {
            return WithAdvice(plan());
        }
        catch (RedisOperationException refusal) when (refusal.OpenSlots is not null)
        {
            throw _history.NamingRun(refusal, view, move.JournalPath);
        }
    }

    private async Task<(ClusterView View, SlotCounts Counts)> ReadWithCountsAsync(CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var owned = MasterSlots.Of(view).Select(master => (master.Node, master.Slots));
        return (view, await SlotCounts.ReadAsync(_reader, owned, cancellation).ConfigureAwait(false));
    }

    private RedisRebalancePlan WithAdvice(RedisRebalancePlan plan) => plan with { Findings = WithAdvice(plan.Findings) };
}
