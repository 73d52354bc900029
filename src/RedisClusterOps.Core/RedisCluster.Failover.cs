using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Membership;

namespace RedisClusterOps;

/// <content>Failovers.</content>
public sealed partial class RedisCluster
{
    /// <summary>Plans to promote a replica. Reads and checks, changes nothing.</summary>
    /// <param name="node">The replica: id, unique id prefix, <c>host:port</c> or port.</param>
    /// <param name="mode">How.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// NodeNotFound, AmbiguousNode, NodeUnsuitable, PermissionDenied, or why a node can't be read.
    /// </exception>
    public Task<MembershipPlan> PlanFailoverAsync(
        string node, RedisFailoverMode mode, string? journalPath, CancellationToken cancellation) =>
        PlanAsync(new FailoverRequest(_session, node, mode), journalPath, cancellation);

    /// <summary>
    /// Carries out the plan of a failover. The result also has the state of the former master, and the open slots and runs that the
    /// failover touched.
    /// </summary>
    /// <exception cref="RedisOperationException">As <see cref="ChangeAsync"/>.</exception>
    public async Task<RedisNodeChange> FailOverAsync(MembershipPlan plan, CancellationToken stop)
    {
        var change = await ChangeAsync(plan, stop).ConfigureAwait(false);
        var view = await _reader.ReadAgainAsync(stop).ConfigureAwait(false);
        if (plan.FormerMasterId is not { } formerId)
            return change with { Reason = "It is a " + plan.After + " already." + OtherWay(view, plan.NodeId!) };
        var notes = new List<string>();
        if (view.Node(formerId) is { } former)
        {
            notes.Add(former.Name + (former.IsReachable
                ? " is its replica now, and the link is up."
                : " does not answer. " + NodeVerdict.AfterReturn(view, former) + "."));
        }

        var touched = view.OpenFlags.Where(flag => IsEnd(flag.NodeId) || IsEnd(flag.PeerId)).Select(flag => flag.Slot).Distinct().ToList();
        if (touched.Count > 0)
        {
            var open = await DescribeOpenSlotsAsync(view, touched, stop, plan.JournalPath).ConfigureAwait(false);
            var runs = _history.OpenIntents(view.NodeIds, touched, plan.JournalPath).Values.Where(intent => !intent.IsRunning)
                .ToDictionary(intent => intent.Slot.Slot, intent => intent.RunId);
            foreach (var group in open.GroupBy(slot => (slot.State, Run: runs.TryGetValue(slot.Slot, out var run) ? run : null)))
            {
                var slots = SlotSet.From(group.Select(slot => slot.Slot)).ToString();
                var next = group.Key.Run is { } id
                    ? new NextAction(NextActionCode.Resume) { MigrationId = id, JournalPath = plan.JournalPath }
                    : new NextAction(NextActionCode.Complete) { Slots = slots };
                notes.Add((group.Count() == 1 ? "Slot " : "Slots ") + slots + " open (" + group.Key.State + "): " + TextOf(next) + ".");
            }
        }

        return change with { Reason = string.Join(" ", notes.Concat(change.Reason is { } reason ? [reason] : [])) };

        bool IsEnd(string id) => id == plan.NodeId || id == formerId;
    }

    // The user may have named the master instead of its replica.
    private string OtherWay(ClusterView view, string masterId) =>
        view.Nodes.FirstOrDefault(node => node.IsReachable && node.Line.MasterId == masterId) is { } replica
            ? " To promote its replica: " + TextOf(new NextAction(NextActionCode.FailOver) { Node = replica.Name }) + "."
            : string.Empty;
}
