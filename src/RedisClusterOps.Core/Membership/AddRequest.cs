using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Membership;

/// <summary>Adds an empty node to the cluster, or meets a known one again at its new address.</summary>
/// <param name="Session">The cluster.</param>
/// <param name="Endpoint">The address of the node, as the other nodes reach it.</param>
/// <param name="Master">The name of the master that it becomes a replica of; null for none.</param>
internal sealed record AddRequest(RedisClusterSession Session, NodeEndpoint Endpoint, string? Master) : MembershipRequest(Session)
{
    /// <inheritdoc/>
    public override IReadOnlyList<NodeEndpoint> Candidates => [Session.MapAddress(Endpoint)];

    /// <inheritdoc/>
    public override MembershipPlan Plan(MembershipSituation situation)
    {
        var (view, candidate) = (situation.View, situation.Candidates[0]);
        var known = candidate.View is { } read && view.Nodes.Any(other => other.Id != read.Id && other.View?.Line(read.Id) is { } line
            && (line.Flags & NodeFlags.Handshake) == 0) ? view.Node(read.Id) : null;
        if (known is null)
            Require(view, candidate);
        var own = candidate.View!;
        var node = known is { IsReachable: true } ? known : MeetStep.NodeOf(own);
        var isAlone = view.Nodes.All(other => other.Id == own.Id);
        var master = Master is null ? null : NodeNames.Find(view, Master, Session.MapAddress);
        var member = Agreement.IsMember(own.Id);
        List<string> warnings = master is null ? [] : [.. ReplicaRequest.Check(view, node, master, isNew: known is null)];
        var steps = isAlone ? [] : Meetings(view, own, known).ToList();
        if (master is not null && own.Self.MasterId != master.Id)
            steps.Add(ReplicaRequest.Step(node, master) with { After = member });
        return new MembershipPlan
        {
            Kind = MigrationOperation.AddNode,
            Node = Endpoint.ToString(),
            NodeId = own.Id,
            Action = "add node" + (master is null ? string.Empty : " as a replica of " + master.Name),
            Before = known is null ? "not a member of the cluster" : ReplicaRequest.Role(view, node),
            After = master is null ? "a member of the cluster" : "replica of " + master.Name,
            Warnings = [.. warnings, .. Agreement.Unasked(view, own.Id)],
            Steps = steps,
            Reads = [new MembershipStep(node, RespCommand.Of("INFO"), string.Empty)],
            Proof = master is null ? member : Conditions.All(member, Agreement.IsReplicaOf(own.Id, master.Id)),
        };
    }

    // One meeting is enough for a new node. An old address is replaced in each view that has it, because gossip replaces only that of a
    // failed node.
    private IEnumerable<MembershipStep> Meetings(ClusterView view, NodeView own, ClusterNode? known)
    {
        var others = view.Nodes.Where(other => other.IsReachable && other.Id != own.Id).ToList();
        if (known is null)
        {
            var introducer = others.OrderByDescending(other => view.SlotsOf(other.Id).Count > 0).First();
            return [MeetStep.Of(introducer, own, Endpoint, introducer.Name + " meets the node. Gossip introduces it to the others.")];
        }

        return others.Select(other => (Node: other, other.View!.Line(own.Id)?.Endpoint))
            .Where(each => !Agreement.Lists(each.Node.View!, own.Id) || (each.Endpoint != Endpoint && each.Endpoint != own.Self.Endpoint))
            .Select(each => MeetStep.Of(
                each.Node,
                own,
                Endpoint,
                each.Endpoint is { } listed && listed != Endpoint
                    ? each.Node.Name + " lists the node at " + listed + ", and learns its present address."
                    : each.Node.Name + " has no connection to the node."));
    }

    private void Require(ClusterView view, Candidate candidate)
    {
        var problems = Newcomer.Problems(candidate, id => view.Node(id) is not null, SlotSet.Empty).ToList();
        if (problems.Count == 0)
            return;
        var reasons = problems.Select(problem => problem.Why).ToList();
        throw MembershipRefusal.Of(
            problems[0].Code,
            Endpoint + " can't be added",
            "it " + string.Join(", and ", reasons),
            Endpoint.ToString(),
            candidate.Failure?.Next ?? Newcomer.Cure(problems[0].Code),
            candidate.Failure);
    }
}
