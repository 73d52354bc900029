using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Removes a node from the view of every node that lists it.</summary>
/// <param name="Session">The cluster.</param>
/// <param name="Node">The name of the node.</param>
/// <param name="Reset">True to reset the node itself, if it is alive.</param>
/// <param name="AllowUnreachable">True to remove it although another node that may list it can't be read.</param>
/// <param name="IsPreview">True to plan as if the node had no slots, to show what follows after they are moved.</param>
internal sealed record RemoveRequest(RedisClusterSession Session, string Node, bool Reset, bool AllowUnreachable, bool IsPreview)
    : MembershipRequest(Session)
{
    /// <summary>How long a node that was forgotten is not accepted again.</summary>
    public static readonly TimeSpan Ban = TimeSpan.FromSeconds(60);

    private const int IdLength = 40;
    private static readonly TimeSpan LoadLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LoadPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Finds a node that no node lists any more, by the journal of an earlier run; null to search nowhere.</summary>
    public Func<ClusterView, RemovedNode?>? FindRemoved { get; init; }

    /// <summary>Its address is read even if no node lists it any more, so that a reset that is left can be done.</summary>
    /// <remarks>An id is not dialled as if it were the name of a host.</remarks>
    public override IReadOnlyList<NodeEndpoint> Candidates =>
        Reset && Node.IndexOf(':') >= 0 && NodeEndpoint.TryParse(Node, out var endpoint) ? [Session.MapAddress(endpoint)] : [];

    /// <summary>Reads the cluster, and again while the node loads the data of a new master, as after a drain.</summary>
    public override async Task<MembershipSituation> ReadAsync(ClusterReader reader, CancellationToken cancellation)
    {
        for (var started = reader.Clock.Now; ;)
        {
            var situation = await base.ReadAsync(reader, cancellation).ConfigureAwait(false);
            if (!situation.View.Nodes.Any(IsLoading) || reader.Clock.Now - started > LoadLimit)
                return await WithRemovedAsync(reader, situation, cancellation).ConfigureAwait(false);
            await reader.Clock.PauseAsync(LoadPause, cancellation).ConfigureAwait(false);
        }

        bool IsLoading(ClusterNode node) => node is { IsReachable: true, IsMaster: false }
            && NodeNames.Matches(node.Id, [node.Name], Node) && node.View!.Facts.HasNeverSynchronized;
    }

    // A run that was killed between the last FORGET and the reset: its node is found by its id and by its former address.
    private async Task<MembershipSituation> WithRemovedAsync(
        ClusterReader reader, MembershipSituation situation, CancellationToken cancellation)
    {
        if (FindRemoved?.Invoke(situation.View) is not { } removed)
            return situation;
        if (Reset && situation.Candidates.Count == 0 && removed.Address is { } address)
        {
            var read = await reader.ReadEachAsync([Session.MapAddress(address)], cancellation).ConfigureAwait(false);
            situation = situation with { Candidates = read.Select(each => new Candidate(each.Dialled, each.View, each.Failure)).ToList() };
        }

        return situation with { Removed = removed };
    }

    /// <inheritdoc/>
    public override MembershipPlan Plan(MembershipSituation situation)
    {
        var view = situation.View;
        if (NotListed(situation) is { } left)
            return left;
        var node = NodeNames.Find(view, Node, Session.MapAddress);
        var change = node.Name + " can't be removed";
        Check(view, node, change);
        var replicas = view.Nodes.Where(other => other.Line.MasterId == node.Id && other.Id != node.Id).ToList();
        var steps = new List<MembershipStep>();
        var moved = new List<(string Replica, string Master)>();
        foreach (var replica in replicas.Where(replica => replica.IsReachable))
        {
            if (replica.View!.Facts.Engine == ServerEngine.Garnet)
            {
                throw MembershipRefusal.Unsuitable(
                    change, "its replica " + replica.Name + " needs another master, and Garnet does not give it one", node,
                    new NextAction(NextActionCode.RemoveNode)
                    {
                        Node = replica.Name, Options = NextActionOptions.Reset, Note = "then it can be added again",
                    });
            }

            var master = MasterFor(view, node, replica, moved, change);
            moved.Add((replica.Id, master.Id));
            steps.Add(ReplicaRequest.Step(replica, master));
        }

        var after = Conditions.All([.. moved.Select(each => Agreement.IsReplicaOf(each.Replica, each.Master))]);
        var forget = NodeVerdict.KnownTo(view, node).OrderBy(other => other.Announced).Select(other => Forget(other, node)).ToList();
        steps.AddRange(forget.Select((step, index) => index == 0 && moved.Count > 0 ? step with { After = after } : step));
        if (Reset && node.IsReachable)
            steps.Add(ResetOf(node) with { After = IsForgotten(node) });
        return new MembershipPlan
        {
            Kind = MigrationOperation.RemoveNode,
            Node = node.Name,
            NodeId = node.Id,
            Action = "remove node: forget it on " + Count(forget.Count, "node")
                + (Reset && node.IsReachable ? ", and reset it" : string.Empty),
            Before = Role(view, node),
            After = "forgotten by every node",
            Warnings = [.. Warnings(view, node, replicas)],
            Steps = steps,
            Reads = node.IsReachable ? [new MembershipStep(node, RespCommand.Of("INFO", "replication"), string.Empty)] : [],
            Proof = IsForgotten(node),
        };
    }

    // A step is sent again after a kill. A node that has heard of it from another node answers that it knows no such node.
    private static MembershipStep Forget(ClusterNode other, ClusterNode node) => new(
        other,
        RespCommand.Of("CLUSTER", "FORGET", node.Id),
        "It is not accepted there again for " + Number((long)Ban.TotalSeconds) + " s.")
    {
        IsDoneBy = error => ServerErrors.Contains(error, "unknown node"),
    };

    // A forgotten node that still lists the others may return: on Valkey 9.1 it was a member again a few seconds after the ban.
    // HARD: with a new id, no node that still lists the old one accepts it. The server refuses it on a master that holds keys.
    private static MembershipStep ResetOf(ClusterNode node) => new(
        node,
        RespCommand.Of("CLUSTER", "RESET", "HARD"),
        node.Name + " forgets the cluster and gets a new id; a replica drops its copies.");

    /// <summary>The plan if no node lists the node any more; null if one does.</summary>
    private MembershipPlan? NotListed(MembershipSituation situation)
    {
        var view = situation.View;
        var alone = situation.Candidates.Select(each => each.View).OfType<NodeView>().FirstOrDefault(own => !IsListed(own.Id));
        var name = Node.Trim();
        var isKnown = view.Nodes.Any(node => node.Id.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (alone is null && situation.Removed is null && (name.Length != IdLength || isKnown))
            return null;

        // It was forgotten, but not reset: its own view still has the members of this cluster.
        var isLeft = alone is not null && alone.DistinctLines.Any(line => line.Id != alone.Id && view.Node(line.Id) is not null);
        var self = alone is null ? null
            : new ClusterNode(alone.Id, alone.Self.Endpoint ?? alone.Dialled, alone.Self, alone, RedisNodeState.Ok, null);
        if (isLeft && !IsPreview)
            CheckKeys(view, self!, self!.Name + " can't be reset");
        return new MembershipPlan
        {
            Kind = MigrationOperation.RemoveNode,
            Node = self?.Name ?? situation.Removed?.Address?.ToString() ?? name,
            NodeId = self?.Id ?? situation.Removed?.Id ?? name,
            Action = "remove node: reset it",
            Before = "forgotten by every node" + (isLeft ? ", but not reset" : string.Empty),
            After = isLeft ? "reset" : "forgotten by every node",
            Steps = isLeft ? [ResetOf(self!)] : [],
        };

        bool IsListed(string id) => view.Nodes.Any(other => other.Id != id && other.View?.Line(id) is not null);
    }

    private void Check(ClusterView view, ClusterNode node, string change)
    {
        var verdict = NodeVerdict.Of(view, node);
        var slots = view.SlotsOf(node.Id);
        if (verdict.Condition is NodeCondition.Refusing or NodeCondition.Suspected
            || (verdict.Condition == NodeCondition.UnreachableFromHere && node.State != RedisNodeState.Handshake
                && (slots.Count > 0 || !NodeVerdict.DetectsNoFailures(view))))
            throw verdict.Refused(change);
        if (slots.Count > 0 && !IsPreview)
            throw WithSlots(verdict, slots, change);
        if (view.OpenFlags.FirstOrDefault(flag => flag.PeerId == node.Id || flag.NodeId == node.Id) is { NodeId: not null } open)
        {
            var slot = Number(open.Slot);
            throw MembershipRefusal.Unsuitable(
                change, "slot " + slot + " is open on " + Agreement.Name(view, open.NodeId), node,
                new NextAction(NextActionCode.ShowOpenSlots) { Slots = slot });
        }

        if (node.IsReachable && !IsPreview)
            CheckKeys(view, node, change);
        var silent = view.Unreachable.Where(other => other.Id != node.Id && other.State is not (RedisNodeState.Handshake
            or RedisNodeState.NoAddress)).ToList();
        if (silent.Count > 0 && !AllowUnreachable)
        {
            throw MembershipRefusal.Of(
                FailureCode.NodeUnreachable,
                change,
                NodeNames.First(silent) + " can't be read. A node that still lists it brings it back after "
                    + Number((long)Ban.TotalSeconds) + " s",
                silent[0].Name,
                new NextAction(NextActionCode.RemoveNode)
                {
                    Node = node.Id,
                    Options = NextActionOptions.AllowUnreachableNode,
                    Note = "if that node is dead, too, or remove it first",
                });
        }
    }

    private static RedisOperationException WithSlots(NodeVerdict verdict, SlotSet slots, string change)
    {
        var node = verdict.Node;
        var next = node.IsReachable
            ? new NextAction(NextActionCode.RemoveNode) { Node = node.Name, Options = NextActionOptions.Drain }
            : verdict.Successor is null
                ? new NextAction(NextActionCode.Repair)
                {
                    Options = NextActionOptions.AllowUnreachableNode,
                    Note = "its keys are lost; restart it if that is possible",
                }
                : verdict.Cure;
        return MembershipRefusal.NotEmpty(change, "it owns " + Count(slots.Count, "slot"), node, next);
    }

    // Keys that no other node may have.
    private static void CheckKeys(ClusterView view, ClusterNode node, string change)
    {
        var master = node.Line.MasterId is { } id ? view.Node(id) : null;
        if (!node.IsMaster && node.View!.KeyCount is not 0 && master is not { IsReachable: true })
        {
            throw MembershipRefusal.NotEmpty(
                change,
                (master is null ? "its master is unknown, and it" : "its master " + master.Name + " can't be read, so it")
                    + " may hold the only copy of the shard's keys",
                node,
                master is null ? MembershipRefusal.CheckDeep : NodeVerdict.Of(view, master).Cure);
        }

        MembershipRefusal.RequireNoUniqueKeys(node, change);
    }

    // The master with the fewest replicas, on another host if there is one.
    private static ClusterNode MasterFor(
        ClusterView view, ClusterNode node, ClusterNode replica, List<(string Replica, string Master)> moved, string change)
    {
        return view.Nodes.Where(other => other.IsReachableMaster && other.Id != node.Id && view.SlotsOf(other.Id).Count > 0
                && replica.View!.Line(other.Id) is not null)
            .OrderBy(ReplicasOf)
            .ThenBy(other => other.Announced?.Host == replica.Announced?.Host)
            .ThenBy(other => other.Id, StringComparer.Ordinal)
            .FirstOrDefault() ?? throw MembershipRefusal.Unsuitable(
                change, "its replica " + replica.Name + " lists no other master with slots", node,
                new NextAction(NextActionCode.SetReplica) { Node = replica.Name, Target = "<another master>" });

        int ReplicasOf(ClusterNode master) =>
            view.Nodes.Count(other => other.Line.MasterId == master.Id) + moved.Count(each => each.Master == master.Id);
    }

    private IEnumerable<string> Warnings(ClusterView view, ClusterNode node, IReadOnlyList<ClusterNode> replicas)
    {
        if (!node.IsMaster && view.ShardMaster(node.Id) is { } master && view.SlotsOf(master.Id).Count > 0
            && view.Nodes.Count(other => other.Line.MasterId == master.Id) == 1)
            yield return master.Name + " is then without a replica.";
        foreach (var silent in replicas.Where(replica => !replica.IsReachable))
            yield return "Its replica " + silent.Name + " can't be read, and keeps it as its master.";
        if (node.IsReachable && !Reset)
        {
            yield return node.Name + " is alive and still lists the other nodes. Unless it is reset or stopped, it may return to the"
                + " cluster after " + Number((long)Ban.TotalSeconds) + " s.";
        }

        if (!node.IsReachable && node.State != RedisNodeState.Handshake)
        {
            yield return "If " + node.Name + " is started again, it still lists the other nodes, and may return to the cluster. Delete its"
                + " cluster-config-file first.";
        }
    }

    /// <summary>No node but itself lists the node. Where gossip brought it back, it is forgotten again.</summary>
    private static Condition IsForgotten(ClusterNode node) => view =>
    {
        var listing = NodeVerdict.KnownTo(view, node).ToList();
        return listing.Count == 0 ? null
            : new Missing(NodeNames.First(listing) + (listing.Count == 1 ? " still lists " : " still list ") + node.Name)
            {
                Again = listing.Select(other => Forget(other, node)).ToList(),
            };
    };

    private static string Role(ClusterView view, ClusterNode node) => node.State switch
    {
        RedisNodeState.Handshake => "in handshake",
        RedisNodeState.NoAddress => "a node without an address",
        _ => ReplicaRequest.Role(view, node) + (node.IsReachable ? string.Empty : ", dead"),
    };
}
