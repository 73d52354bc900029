using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Promotes a replica to the master of its shard.</summary>
/// <param name="Session">The cluster.</param>
/// <param name="Node">The name of the replica.</param>
/// <param name="Mode">How.</param>
internal sealed record FailoverRequest(RedisClusterSession Session, string Node, RedisFailoverMode Mode) : MembershipRequest(Session)
{
    // The server cancels a failover silently after five seconds, as on a busy machine.
    private static readonly TimeSpan ServerGivesUpAfter = TimeSpan.FromSeconds(6);

    /// <inheritdoc/>
    public override MembershipPlan Plan(MembershipSituation situation)
    {
        var view = situation.View;
        var replica = NodeNames.Find(view, Node, Session.MapAddress);
        var change = replica.Name + " can't be promoted";
        if (!replica.IsReachable)
            throw NodeVerdict.Of(view, replica).Refused(change);
        if (replica.IsMaster)
            return Promoted(view, replica);
        var master = MasterOf(view, replica, change);
        var verdict = NodeVerdict.Of(view, master);
        Check(view, replica, verdict, change);
        var slots = view.SlotsOf(master.Id);
        var step = new MembershipStep(replica, Command(Mode), Why(replica, master))
        {
            IsDoneBy = error => ServerErrors.Contains(error, "to a replica"),
        };
        return new MembershipPlan
        {
            Kind = MigrationOperation.Failover,
            Node = replica.Name,
            NodeId = replica.Id,
            FormerMasterId = master.Id,
            Action = "failover (" + Mode + "): promote " + replica.Name + ", " + Distance(replica, master, Mode),
            Before = "replica of " + master.Name,
            After = "master of " + Count(slots.Count, "slot"),
            Warnings = [.. Warnings(view, replica, verdict)],
            Steps = [step],
            Reads = [new MembershipStep(replica, RespCommand.Of("INFO", "replication"), string.Empty)],
            Proof = HasTakenOver(step, master.Id, Mode),
        };
    }

    private static RespCommand Command(RedisFailoverMode mode) => mode switch
    {
        RedisFailoverMode.Force => RespCommand.Of("CLUSTER", "FAILOVER", "FORCE"),
        RedisFailoverMode.Takeover => RespCommand.Of("CLUSTER", "FAILOVER", "TAKEOVER"),
        _ => RespCommand.Of("CLUSTER", "FAILOVER"),
    };

    private string Why(ClusterNode replica, ClusterNode master) => Mode switch
    {
        RedisFailoverMode.Force => "The masters vote for " + replica.Name + " without waiting for " + master.Name + ".",
        RedisFailoverMode.Takeover => replica.Name + " takes the slots of " + master.Name + " without a vote.",
        _ => master.Name + " holds back writes until " + replica.Name + " has received all of them, then "
            + (HasVote(replica) ? "the masters vote." : replica.Name + " takes its slots."),
    };

    /// <summary>How far the replica is behind, and what is lost at most.</summary>
    private static string Distance(ClusterNode replica, ClusterNode master, RedisFailoverMode mode)
    {
        var facts = replica.View!.Facts;
        var offset = facts.ReplicaOffset;
        var at = offset is { } known ? "at offset " + Number(known) : "at an unknown offset";
        var newest = master.View?.Facts.Number("master_repl_offset");
        var behind = newest is null || offset is null ? (long?)null : Math.Max(0, newest.Value - offset.Value);
        var distance = at + (behind is { } bytes ? ", " + Count(bytes, "byte") + " behind " + master.Name : string.Empty);
        if (mode == RedisFailoverMode.Graceful)
            return distance + "; no write is lost";
        var since = facts.Number("master_link_down_since_seconds") is { } seconds and >= 0 ? seconds : (long?)null;
        return distance + "; lost are writes that it has not received: "
            + (behind is { } most && since is null ? "those of " + Count(most, "byte") + " and what clients write meanwhile"
                : since is { } down ? "at most what " + master.Name + " accepted since the link broke " + Number(down) + " s ago"
                : "how many is unknown");
    }

    private static ClusterNode MasterOf(ClusterView view, ClusterNode replica, string change) =>
        replica.Line.MasterId is { } id && view.Node(id) is { } master ? master : throw MembershipRefusal.Unsuitable(
            change, "its master is unknown to every node that answers", replica,
            new NextAction(NextActionCode.SetReplica) { Node = replica.Name, Target = "<a master>" });

    // A run that was killed after its command has promoted the node.
    private MembershipPlan Promoted(ClusterView view, ClusterNode node)
    {
        var role = ReplicaRequest.Role(view, node);
        return new MembershipPlan
        {
            Kind = MigrationOperation.Failover,
            Node = node.Name,
            NodeId = node.Id,
            Action = "failover (" + Mode + "): promote " + node.Name,
            Before = role,
            After = role,
            IsDone = true,
            Proof = now => Agreement.MissingAt(
                now.Nodes.Where(other => other.View?.Line(node.Id) is not { IsMaster: true }),
                " not show " + node.Name + " as a master yet"),
        };
    }

    private void Check(ClusterView view, ClusterNode replica, NodeVerdict master, string change)
    {
        var facts = replica.View!.Facts;
        // Garnet does not report since when a link is down.
        if (facts.HasNeverSynchronized && HasVote(replica) && view.SlotsOf(master.Node.Id).Count > 0)
        {
            throw MembershipRefusal.Unsuitable(
                change,
                "it has never synchronized with its master " + master.Node.Name + ", so all keys of the shard would be lost", replica,
                Other(view, replica, master.Node) ?? master.Cure);
        }

        var isLinkUp = facts.Text("master_link_status") is null or "up";
        if (Mode == RedisFailoverMode.Force && !HasVote(replica))
        {
            throw MembershipRefusal.Unsuitable(
                change + " by a vote", "Garnet's masters do not vote", replica,
                isLinkUp || master.Node.HasAnswered ? new NextAction(NextActionCode.FailOver) { Node = replica.Name }
                    : ByForce(view, replica));
        }

        if (Mode == RedisFailoverMode.Graceful && (!isLinkUp || !master.Node.HasAnswered))
        {
            throw MembershipRefusal.Unsuitable(
                change + " gracefully",
                master.Node.HasAnswered
                    ? "its link to its master " + master.Node.Name + " is down"
                    : "its master " + master.Node.Name + " " + master.Reason,
                replica,
                master.IsDead || (!isLinkUp && !master.Node.HasAnswered && !HasVote(replica)) ? ByForce(view, replica)
                    : master.Node.HasAnswered
                        ? NextAction.Advise("wait until master_link_status of INFO replication on " + replica.Name
                            + " is up; its log has the reason")
                        : master.Cure);
        }

        var mayBeDead = master.IsDead || NodeVerdict.DetectsNoFailures(view)
            || (master.Condition == NodeCondition.Suspected && NodeVerdict.LacksMajority(view));
        if (Mode == RedisFailoverMode.Takeover && (master.Node.HasAnswered || isLinkUp || !mayBeDead))
        {
            throw MembershipRefusal.Unsuitable(
                change + " by takeover",
                "its master " + master.Node.Name + (master.Node.HasAnswered ? " lives"
                    : isLinkUp ? " lives: the replica's link to it is up"
                    : " " + master.Reason)
                    + ". A takeover has no vote, so two masters could accept writes for the same slots",
                replica,
                master.Node.HasAnswered || isLinkUp ? new NextAction(NextActionCode.FailOver) { Node = replica.Name } : master.Cure);
        }

        if (Mode == RedisFailoverMode.Force && NodeVerdict.LacksMajority(view))
        {
            throw MembershipRefusal.Unsuitable(
                change + " by a vote", "no majority of the masters with slots answers", replica,
                new NextAction(NextActionCode.FailOver) { Node = replica.Name, Options = NextActionOptions.Takeover });
        }
    }

    // On Garnet, FORCE and TAKEOVER are the same.
    private static bool HasVote(ClusterNode replica) => replica.View!.Facts.Engine != ServerEngine.Garnet;

    private static NextAction ByForce(ClusterView view, ClusterNode replica) => new(NextActionCode.FailOver)
    {
        Node = replica.Name,
        Options = NodeVerdict.LacksMajority(view) || !HasVote(replica) ? NextActionOptions.Takeover : NextActionOptions.Force,
        Note = "writes that it has not received are lost",
    };

    private IEnumerable<string> Warnings(ClusterView view, ClusterNode replica, NodeVerdict verdict)
    {
        var master = verdict.Node;
        var own = replica.View!.Facts.ReplicaOffset;
        var ahead = view.Nodes.Where(other => other.Id != replica.Id && other.Line.MasterId == master.Id && other.IsReachable)
            .Where(other => other.View!.Facts.ReplicaOffset > own)
            .OrderByDescending(other => other.View!.Facts.ReplicaOffset).FirstOrDefault();
        if (Mode != RedisFailoverMode.Graceful && ahead is not null)
        {
            var more = ahead.View!.Facts.ReplicaOffset - own;
            yield return ahead.Name + " has received " + Count(more ?? 0, "byte") + " more than " + replica.Name + ": promote it instead.";
        }

        if (Mode != RedisFailoverMode.Graceful && master.HasAnswered)
            yield return master.Name + " answers. Mode Graceful loses no write.";
        if (Mode == RedisFailoverMode.Takeover && !verdict.IsDead)
        {
            if (!HasVote(replica))
            {
                yield return "Garnet does not report whether " + replica.Name + " has received all keys of " + master.Name + ". It holds "
                    + (replica.View!.KeyCount is { } keys ? Count(keys, "key") : "an unknown number of keys") + ".";
            }

            yield return "No majority of the masters reports " + master.Name + " as failed. If it lives in another part of a divided"
                + " network, both masters accept writes, and those of one are lost.";
        }

        var flags = view.OpenFlags.Where(flag => flag.NodeId == master.Id || flag.PeerId == master.Id).Select(flag => flag.Slot)
            .Concat(view.ReplicaFlags.Where(flag => flag.NodeId == replica.Id).Select(flag => flag.Slot)).Distinct().ToList();
        if (flags.Count > 0)
        {
            yield return (flags.Count == 1 ? "Slot " : "Slots ") + SlotSet.From(flags) + (flags.Count == 1 ? " is" : " are")
                + " open on " + master.Name + " or its replica. "
                + (replica.View.Facts.Engine == ServerEngine.Valkey
                    ? "The new master keeps the flags: complete the migration afterwards."
                    : "The new master has no flags: keys that have moved can't be read until the migration is completed.");
        }

        foreach (var silent in Agreement.Unasked(view, master.Id))
            yield return silent;
    }

    private static NextAction? Other(ClusterView view, ClusterNode replica, ClusterNode master)
    {
        var other = view.Nodes.FirstOrDefault(node => node.Id != replica.Id && node.Line.MasterId == master.Id && node.IsReachable
            && !node.View!.Facts.HasNeverSynchronized);
        return other is null ? null : new NextAction(NextActionCode.FailOver) { Node = other.Name };
    }

    // An importing Redis node attributes the slot to the former master until the migration is completed.
    private static bool Attributes(NodeView viewer, string masterId) =>
        viewer.Line(masterId)?.Slots.Slots.Any(slot => !viewer.Self.ImportingFrom.ContainsKey(slot)) == true;

    /// <summary>Every node shows the replica as a master, and the former master, if it answers, as its synchronized replica.</summary>
    private static Condition HasTakenOver(MembershipStep step, string masterId, RedisFailoverMode mode) => view =>
    {
        var replicaId = step.Node.Id;
        var replica = view.Node(replicaId);
        if (replica?.View is null)
            return new Missing(Agreement.Name(view, replicaId) + " does not answer");
        if (!replica.IsMaster)
        {
            return new Missing(
                replica.Name + " is still a replica",
                NextAction.Advise("the log of " + replica.Name + " has the reason, such as too few votes or an aborted failover; then "
                    + (mode == RedisFailoverMode.Graceful ? "run the same command again" : "check the masters")))
            {
                Again = [step],
                AgainAfter = ServerGivesUpAfter,
            };
        }

        if (Agreement.MissingAt(
            view.Nodes.Where(node => node.View?.Line(replicaId) is not { IsMaster: true } || Attributes(node.View, masterId)),
            " not show " + replica.Name + " as the owner yet") is { } missing)
        {
            return missing;
        }

        return view.Node(masterId) is { IsReachable: true } ? Agreement.IsReplicaOf(masterId, replicaId)(view) : null;
    };
}
