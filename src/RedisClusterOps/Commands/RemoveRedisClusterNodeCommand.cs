using System;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Removes a node from the view of every node that lists it; with -Drain, moves its slots to the other masters first.</summary>
[Cmdlet(VerbsCommon.Remove, "RedisClusterNode", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisNodeChange))]
public sealed class RemoveRedisClusterNodeCommand : NodeChangeCmdlet
{
    /// <summary>Specifies the nodes to remove, dead or alive: node id, unique id prefix, <c>host:port</c> or port.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[] Node { get; set; } = [];

    /// <summary>
    /// Moves the slots of the node with all their keys to the other masters first. The move is a run of its own, which can be undone until
    /// the node is removed.
    /// </summary>
    [Parameter]
    public SwitchParameter Drain { get; set; }

    /// <summary>Resets a node that is alive, after every other node has forgotten it: it forgets the cluster and gets a new id.</summary>
    [Parameter]
    public SwitchParameter Reset { get; set; }

    /// <summary>Removes the node although another node can't be read. If that one still lists it, it brings it back later.</summary>
    [Parameter]
    public SwitchParameter AllowUnreachableNode { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        foreach (var node in Node)
        {
            try
            {
                var isEmpty = !Drain || DrainFirst(cluster, node);
                if (!isEmpty && !IsWhatIf)
                    continue;
                Change(
                    cluster,
                    cluster.PlanRemovalAsync(node, Reset, AllowUnreachableNode, !isEmpty, FilePath(JournalPath), Stop),
                    node);
            }
            catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
            {
                ReportStop(failure);
                WriteError(ErrorRecords.From(failure, node));
            }
        }
    }

    internal override RedisNodeChange CarryOut(RedisCluster cluster, MembershipPlan plan) =>
        Await(cluster.RemoveAsync(plan, Stop), "Removing the node");

    /// <summary>Moves the slots of the node to the other masters.</summary>
    /// <returns>True if the node has no slot left.</returns>
    private bool DrainFirst(RedisCluster cluster, string node)
    {
        var options = new MoveOptions { JournalPath = FilePath(JournalPath) };
        // A drain that was interrupted is finished first. The second plan has the slots that it did not include.
        for (var part = 0; part < 2; part++)
        {
            var plan = Await(cluster.PlanDrainAsync(node, Node, options, Stop), "Planning the drain");
            if (plan.Moves.Count == 0)
                return true;
            plan = Await(cluster.CheckMovesAsync(plan, options, Stop), "Checking the nodes");
            WriteNotices(plan.Findings.Select(PlanText.Notice).Distinct());
            if (!ConsentToDrain(plan))
                return false;
            var run = Await(cluster.RunMovesAsync(plan, plan.Moves, options, Stop), "Reading the cluster");
            if (FirstFailure(run) is { } failure)
                throw failure;
            WriteVerbose("To undo the drain before the node is removed: Undo-RedisSlotMigration -MigrationId " + run.MigrationId);
        }

        return true;
    }

    private bool ConsentToDrain(RedisRebalancePlan plan)
    {
        var keys = plan.Moves.All(move => move.EstimatedKeys is not null) ? plan.Moves.Sum(move => move.EstimatedKeys!.Value) : (long?)null;
        var action = string.Format(
            CultureInfo.InvariantCulture, "remove node: move its {0} slots{1} to the other masters", plan.SlotCount,
            keys is { } known ? " with " + PlanText.Keys(known) : string.Empty);
        var moves = string.Concat(plan.Moves.Select(move => Environment.NewLine + string.Format(
            CultureInfo.InvariantCulture, "  {0} slots to {1}: {2}", move.SlotCount, move.Target, move.SlotRanges)));
        var target = plan.Moves[0].Source;
        return ShouldProcess(
            "Performing the operation \"" + action + "\" on target \"" + target + "\"." + moves,
            "Perform the operation \"" + action + "\" on target \"" + target + "\"?" + moves,
            "Confirm");
    }

    private RedisOperationException? FirstFailure(SlotMoveRun run)
    {
        var progress = NewProgress("Moving slots");
        RedisOperationException? failure = null;
        try
        {
            while (Await(run.NextAsync(), progress) is { } outcomes)
                failure ??= outcomes.Select(outcome => outcome.Failure).FirstOrDefault(each => each is not null);
            End(progress);
        }
        catch (Exception)
        {
            StopAndWait(run);
            throw;
        }

        return failure;
    }
}
