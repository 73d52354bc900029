using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>What is known about a node that could not be read.</summary>
internal enum NodeCondition
{
    /// <summary>It was read.</summary>
    Reachable,

    /// <summary>It answered, but refused to be read. It is alive.</summary>
    Refusing,

    /// <summary>It gave no answer to this machine, and no node reports it as failing.</summary>
    UnreachableFromHere,

    /// <summary>It gave no answer, and no node knows its address. It may run at another one, or under another id.</summary>
    WithoutAddress,

    /// <summary>It gave no answer, but no majority of the masters that own slots reports it as failed.</summary>
    Suspected,

    /// <summary>It gave no answer, and a majority of the masters that own slots reports it as failed.</summary>
    Dead,
}

/// <summary>
/// Whether a node is dead. Nothing else decides that: a node that is not dead may serve its clients, so its slots must not be taken away.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Condition">What is known about it.</param>
/// <param name="Reason">Such as <c>does not answer (connection refused)</c>.</param>
/// <param name="Cure">What to do about the node. It never takes slots away from it.</param>
/// <param name="Successor">The reachable replica that can take over from a dead node; null if there is none.</param>
internal sealed record NodeVerdict(
    ClusterNode Node, NodeCondition Condition, string Reason, NextAction Cure, ClusterNode? Successor = null)
{
    public bool IsDead => Condition == NodeCondition.Dead;

    /// <summary>The code of a failure that this node causes.</summary>
    public FailureCode Code => Condition == NodeCondition.Refusing ? Node.Failure!.Code : FailureCode.NodeUnreachable;

    public static NodeVerdict Of(ClusterView view, ClusterNode node)
    {
        if (node.IsReachable)
            return new NodeVerdict(node, NodeCondition.Reachable, "answers", Show(node));
        var trouble = " (" + (node.Trouble ?? "no reason known") + ")";
        if (node.HasAnswered)
            return new NodeVerdict(node, NodeCondition.Refusing, "is alive, but " + Refusal(node.Failure!.Code) + trouble, CureOf(node));
        var owners = view.Masters.Where(master => view.SlotsOf(master.Id).Count > 0).ToList();
        var reports = owners.Where(owner => owner.IsReachable).Select(owner => owner.View!.Line(node.Id)).ToList();
        var failed = reports.Count(line => line is not null && (line.Flags & NodeFlags.Fail) != 0);

        // A master that has forgotten the node does not report it as alive either.
        var agreeing = failed + reports.Count(line => line is null);
        var counted = Number(failed) + " of " + Count(owners.Count, "master");
        if (failed > 0 && 2 * agreeing > owners.Count)
        {
            var successor = SuccessorOf(view, node);
            return new NodeVerdict(
                node,
                NodeCondition.Dead,
                "does not answer" + trouble + ", and " + counted + " with slots " + Report(failed) + " it as failed",
                successor is null ? Show(node) with { Note = "restart it" } : TakeOver(view, node, successor),
                successor);
        }

        if (node.Announced is null)
        {
            return new NodeVerdict(
                node,
                NodeCondition.WithoutAddress,
                "has no known address" + trouble,
                new NextAction(NextActionCode.MeetNode)
                {
                    Node = view.Nodes.First(other => other.IsReachable).View!.Dialled.ToString(),
                    Target = "<its host:port>",
                    Note = "if it runs at another address",
                    Or = Forget(node) with { Note = "if it is gone for good" },
                });
        }

        if (DetectsNoFailures(view))
        {
            // A replica without a link to its master is the only other witness.
            var witness = SuccessorOf(view, node);
            if (witness?.View!.Facts.Text("master_link_status") != "down")
                witness = null;
            return new NodeVerdict(
                node,
                NodeCondition.UnreachableFromHere,
                "does not answer this machine" + trouble + ", and Garnet's nodes do not report failed ones, so it may serve clients",
                Show(node) with { Note = "restart it", Or = witness is null ? ByAnotherAddress : TakeOver(view, node, witness) },
                witness);
        }

        var isReported = view.Nodes.Any(other => other.View?.Line(node.Id) is { } line
            && (line.Flags & (NodeFlags.Fail | NodeFlags.PFail)) != 0);
        var candidate = LacksMajority(view) ? SuccessorOf(view, node) : null;
        return isReported
            ? new NodeVerdict(
                node,
                NodeCondition.Suspected,
                "does not answer" + trouble + ", but only " + counted + " with slots " + Report(failed)
                    + " it as failed, so it may still serve clients",
                Show(node) with
                {
                    Note = LacksMajority(view) ? "restart it: the masters that answer are too few to report it as failed"
                        : "restart it, or wait until a majority reports it as failed",
                    Or = candidate is null ? null : TakeOver(view, node, candidate),
                })
            : new NodeVerdict(
                node,
                NodeCondition.UnreachableFromHere,
                "does not answer this machine" + trouble + ", but no node reports it as failing, so it may serve clients",
                ByAnotherAddress with
                {
                    Note = "if this machine can't reach its address; if it has just stopped, the nodes report that after the node timeout",
                    Or = new NextAction(NextActionCode.MeasureLinks),
                });
    }

    private static NextAction ByAnotherAddress => new(NextActionCode.Connect)
    {
        Options = NextActionOptions.AddressMap,
        Note = "if this machine can't reach its address",
    };

    /// <summary>The failure of an operation that needs the node.</summary>
    /// <param name="what">What can't be done, without the period, such as <c>Slot 7 can't be repaired</c>.</param>
    /// <param name="withoutIt">
    /// The same operation without the node. It is offered only if the node is dead, after the takeover by a replica if there is one.
    /// </param>
    public RedisOperationException Refused(string what, NextAction? withoutIt = null) => new(
        Code,
        what + ": " + Node.Name + " " + Reason + ". Nothing was changed.",
        Node.Name,
        !IsDead || withoutIt is null || Successor is not null ? Cure : Cure with { Or = withoutIt })
    {
        ConcernsOneNode = true,
    };

    /// <summary>Removes a node from every view that lists it.</summary>
    public static NextAction Forget(ClusterNode node) => new(NextActionCode.RemoveNode) { Node = node.Id };

    /// <summary>True if no node ever reports another one as failed: Garnet's nodes do not.</summary>
    public static bool DetectsNoFailures(ClusterView view) => view.Nodes.Any(node => node.View?.Facts.Engine == ServerEngine.Garnet);

    /// <summary>The reachable nodes that list the node, without itself.</summary>
    public static IEnumerable<ClusterNode> KnownTo(ClusterView view, ClusterNode node) =>
        view.Nodes.Where(other => other.Id != node.Id && other.View?.Line(node.Id) is not null);

    /// <summary>True if the masters that answer are too few to elect a replica.</summary>
    public static bool LacksMajority(ClusterView view)
    {
        var owners = view.Masters.Where(master => view.SlotsOf(master.Id).Count > 0).ToList();
        return 2 * owners.Count(owner => owner.IsReachable) <= owners.Count;
    }

    // The replica with the newest data. One that has no key may never have been in sync.
    private static ClusterNode? SuccessorOf(ClusterView view, ClusterNode node) => view.Nodes
        .Where(other => other.IsReachable && !other.IsMaster && other.Line.MasterId == node.Id)
        .OrderByDescending(other => other.View!.Facts.ReplicaOffset ?? 0)
        .ThenByDescending(other => other.View!.KeyCount ?? 0)
        .ThenBy(other => other.Id, StringComparer.Ordinal)
        .FirstOrDefault();

    // The masters that are left elect it, if they are a majority.
    private static NextAction TakeOver(ClusterView view, ClusterNode node, ClusterNode successor) => new(NextActionCode.FailOver)
    {
        Node = successor.Name,
        Options = LacksMajority(view) || DetectsNoFailures(view) ? NextActionOptions.Takeover : NextActionOptions.Force,
        Note = "promotes " + successor.Name + ", a replica of it, which holds "
            + (successor.View!.KeyCount switch
            {
                null => "an unknown number of keys",
                1 => "1 key",
                { } keys => keys.ToString(CultureInfo.InvariantCulture) + " keys",
            })
            + ". Writes that it has not received are lost. " + AfterReturn(view, node),
    };

    /// <summary>What becomes of a master that was replaced by a takeover, once it is back. Without a period.</summary>
    public static string AfterReturn(ClusterView view, ClusterNode master) => "When " + master.Name + " returns, it "
        + (DetectsNoFailures(view) ? "is a master without slots that still holds its keys" : "becomes a replica and drops its keys");

    private static NextAction CureOf(ClusterNode node)
    {
        var next = node.Failure!.Code == FailureCode.AuthenticationFailed
            ? NextAction.Advise("set the same users and passwords there as on the other nodes (CONFIG SET requirepass, ACL SETUSER)")
            : node.Failure.Next;
        return next is null or { Code: NextActionCode.Advice } ? Show(node) with { Note = next?.Note } : next;
    }

    private static string Refusal(FailureCode code) => code switch
    {
        FailureCode.NodeBusy => "is busy with a script or function",
        FailureCode.NodeLoading => "is still loading its data",
        FailureCode.TooManyClients => "accepts no more clients",
        FailureCode.AuthenticationFailed => "refuses this user or password",
        FailureCode.PermissionDenied => "does not permit this user to read it",
        _ => "could not be read",
    };

    private static string Report(int masters) => masters == 1 ? "reports" : "report";

    private static NextAction Show(ClusterNode node) =>
        new(NextActionCode.ShowNodes) { Node = node.Announced is null ? node.ShortId : node.Name };
}
