using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;

namespace RedisClusterOps;

/// <content>Removal of nodes.</content>
public sealed partial class RedisCluster
{
    /// <summary>Plans to move all slots of a master to the other masters. Changes nothing.</summary>
    /// <param name="node">The master: id, unique id prefix, <c>host:port</c> or port.</param>
    /// <param name="without">Nodes that must not take over slots either, likewise.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>
    /// A plan without moves if the node owns no slot, can't be read, or is listed by no node. The rest of an interrupted drain, if one left
    /// slots open: plan again after it.
    /// </returns>
    public async Task<RedisRebalancePlan> PlanDrainAsync(
        string node, IReadOnlyList<string> without, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindOrNull(view, node) is not { IsReachableMaster: true } source)
            return new RedisRebalancePlan { Cluster = _session };
        if (await PlanRestOfDrainAsync(view, source, options, cancellation).ConfigureAwait(false) is { } rest)
            return rest;
        if (view.SlotsOf(source.Id).Count == 0)
            return new RedisRebalancePlan { Cluster = _session };
        var leaving = without.Select(name => FindOrNull(view, name)).OfType<ClusterNode>()
            .Where(other => other.IsMaster).Select(other => other.Id).Append(source.Id).Distinct();
        var aim = new RebalanceOptions { Weights = leaving.ToDictionary(id => id, _ => 0.0), UseEmptyMaster = true };
        var plan = await PlanRebalanceAsync(aim, options, cancellation).ConfigureAwait(false);
        return plan with
        {
            Moves = plan.Moves.Where(move => move.SourceId == source.Id).ToList(),
            // No person asked for empty masters to take part.
            Findings = plan.Findings.Where(finding => finding.Code != PlanFindingCode.NoEmptyMaster).ToList(),
        };
    }

    // Open slots can't be planned anew: the run that was killed continues.
    private async Task<RedisRebalancePlan?> PlanRestOfDrainAsync(
        ClusterView view, ClusterNode source, MoveOptions options, CancellationToken cancellation)
    {
        var open = view.OpenFlags.Where(flag => flag.NodeId == source.Id || flag.PeerId == source.Id)
            .Select(flag => flag.Slot).Distinct().ToList();
        var runs = _history.OpenIntents(view.NodeIds, open, options.JournalPath).Values.Where(intent => !intent.IsRunning)
            .Select(intent => intent.RunId).Distinct().ToList();
        if (runs.Count != 1)
            return null;
        var rest = await PlanResumeOfMovesAsync(runs[0], options, cancellation).ConfigureAwait(false);
        return rest is { Moves.Count: > 0 } && rest.Moves.All(move => move.SourceId == source.Id) ? rest : null;
    }

    // A node that an earlier run of the same command removed is not an error.
    private ClusterNode? FindOrNull(ClusterView view, string name)
    {
        try
        {
            return NodeNames.Find(view, name, _session.MapAddress);
        }
        catch (RedisOperationException failure) when (failure.Code == FailureCode.NodeNotFound)
        {
            return null;
        }
    }

    /// <summary>Plans to remove a node. Reads and checks, changes nothing.</summary>
    /// <param name="node">The node: id, unique id prefix, <c>host:port</c> or port.</param>
    /// <param name="reset">True to reset the node itself, if it is alive.</param>
    /// <param name="allowUnreachable">True to remove it although another node that may list it can't be read.</param>
    /// <param name="isPreview">True to plan as if the slots of the node had been moved.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// NodeNotFound, AmbiguousNode, NodeNotEmpty, NodeUnsuitable, NodeUnreachable, PermissionDenied, or why a node can't be read.
    /// </exception>
    public Task<MembershipPlan> PlanRemovalAsync(
        string node, bool reset, bool allowUnreachable, bool isPreview, string? journalPath, CancellationToken cancellation) =>
        PlanAsync(
            new RemoveRequest(_session, node, reset, allowUnreachable, isPreview)
            {
                FindRemoved = view => FindOrNull(view, node) is null ? FindRemoved(view, node, journalPath) : null,
            },
            journalPath,
            cancellation);

    /// <summary>The node of this name that an earlier run removed. Only the journal still has its id and address.</summary>
    private RemovedNode? FindRemoved(ClusterView view, string name, string? journalPath)
    {
        var removal = _history.RemovalOf(view, name, journalPath);
        return removal is null ? null
            : new RemovedNode(
                removal.ChangedNodeId!,
                NodeEndpoint.TryParse(removal.ChangedNode ?? string.Empty, out var address) ? address : null);
    }

    /// <summary>Carries out the plan of a removal. The result has the time until which no node accepts the node again.</summary>
    /// <exception cref="RedisOperationException">As <see cref="ChangeAsync"/>.</exception>
    public async Task<RedisNodeChange> RemoveAsync(MembershipPlan plan, CancellationToken stop)
    {
        var change = await ChangeAsync(plan, stop).ConfigureAwait(false);
        var now = _reader.Clock.UtcNow;
        if (change.Outcome == NodeChangeOutcome.Skipped)
            return change;
        var watched = string.Format(
            CultureInfo.InvariantCulture, "No node that answers listed it at {0:HH:mm:ss} UTC, and none accepts it before {1:HH:mm:ss}.",
            now, now + RemoveRequest.Ban);
        return change with
        {
            Reason = watched + (change.Reason is null ? string.Empty
                : " " + change.Reason + " A node that could not be read may bring it back then: run the same command again."),
        };
    }
}
