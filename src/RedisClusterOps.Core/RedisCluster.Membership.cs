using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;
using RedisClusterOps.Planning.Preflight;

namespace RedisClusterOps;

/// <content>Changes of members and roles: first a plan, which only reads, then its run.</content>
public sealed partial class RedisCluster
{
    /// <summary>Plans to make a node a replica of a master. Reads and checks, changes nothing.</summary>
    /// <param name="node">The node: id, unique id prefix, <c>host:port</c> or port.</param>
    /// <param name="master">The master, likewise.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// NodeNotFound, AmbiguousNode, InvalidArgument, NodeNotEmpty, NodeUnsuitable, PermissionDenied, or why a node can't be read.
    /// </exception>
    public Task<MembershipPlan> PlanReplicaAsync(string node, string master, string? journalPath, CancellationToken cancellation) =>
        PlanAsync(new ReplicaRequest(_session, node, master), journalPath, cancellation);

    /// <summary>Plans to add a node to the cluster, or to meet a known one again at its new address. Changes nothing.</summary>
    /// <param name="endpoint">The address of the node, as the other nodes reach it.</param>
    /// <param name="master">The master that it becomes a replica of; null for none.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// NodeNotEmpty, NodeUnsuitable, NotAClusterNode, InvalidArgument, NodeNotFound, PermissionDenied, or why a node can't be read.
    /// </exception>
    public Task<MembershipPlan> PlanAddAsync(
        NodeEndpoint endpoint, string? master, string? journalPath, CancellationToken cancellation) =>
        PlanAsync(new AddRequest(_session, endpoint, master), journalPath, cancellation);

    /// <summary>Plans to form a cluster of the seeds of this session, which are empty nodes. Changes nothing.</summary>
    /// <param name="replicas">The number of replicas of each master, 0 or above.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// NodeNotEmpty, NodeUnsuitable, NotAClusterNode, InvalidArgument, PermissionDenied, or why a node can't be read.
    /// </exception>
    public Task<MembershipPlan> PlanNewClusterAsync(int replicas, string? journalPath, CancellationToken cancellation) =>
        PlanAsync(new NewClusterRequest(_session, replicas), journalPath, cancellation);

    /// <summary>Plans to form a cluster of the seeds, in which each of the first nodes is a master with these slots.</summary>
    /// <remarks>Tests need masters without slots, and slots without an owner. A user gets equal shares.</remarks>
    internal Task<MembershipPlan> PlanNewClusterAsync(IReadOnlyList<SlotSet> shares, CancellationToken cancellation) =>
        PlanAsync(new NewClusterRequest(_session, 0) { Shares = shares }, null, cancellation);

    /// <summary>Carries out a plan, and waits until every reachable node reports the change.</summary>
    /// <param name="plan">The plan that the user agreed to.</param>
    /// <param name="stop">Requests a stop. The same command continues later.</param>
    /// <exception cref="RedisOperationException">
    /// StalePlan, JournalBusy, AnotherToolAtWork or JournalUnavailable: nothing was changed. ChangeNotConfirmed, Stopped, or the failure of
    /// a command: the message says how many were sent.
    /// </exception>
    public async Task<RedisNodeChange> ChangeAsync(MembershipPlan plan, CancellationToken stop)
    {
        if (plan.Request is null)
            throw new ArgumentException("The plan was not made by this module.", nameof(plan));
        var started = _reader.Clock.Now;
        var (view, run) = await new MembershipRun(_reader, plan, _run, _log).RunAsync(stop).ConfigureAwait(false);
        var unsure = view.Unreachable.Select(node => node.Name).ToList();
        return new RedisNodeChange
        {
            Operation = plan.Kind.ToString(),
            Node = plan.Node,
            NodeId = plan.NodeId,
            Outcome = plan.Steps.Count == 0 ? NodeChangeOutcome.Skipped : NodeChangeOutcome.Changed,
            Before = plan.Before,
            After = plan.After,
            ConfirmedBy = view.Nodes.Count(node => node.IsReachable),
            Reason = plan.Steps.Count == 0 ? "Nothing to do: every node that answers reports it already."
                : unsure.Count > 0 ? "Not confirmed by " + string.Join(", ", unsure) + "."
                : null,
            Elapsed = _reader.Clock.Now - started,
            MigrationId = run,
            Cluster = _session,
        };
    }

    private async Task<MembershipPlan> PlanAsync(MembershipRequest request, string? journalPath, CancellationToken cancellation)
    {
        var situation = await request.ReadAsync(_reader, cancellation).ConfigureAwait(false);
        var plan = request.Plan(situation) with { Request = request, JournalPath = journalPath, Cluster = _session };
        var required = plan.Steps.Concat(plan.Reads).Where(step => step.Node.IsReachable).Select(step =>
            new RequiredRight(step.Node, null, [.. step.Command.Arguments.Select(argument => Encoding.UTF8.GetString(argument))]));
        var preflight = await _preflight.CheckAsync(situation.View, required.ToList(), cancellation).ConfigureAwait(false);
        return preflight.Refusal is { } refusal ? throw refusal : plan with { Findings = WithAdvice(preflight.Findings) };
    }
}
