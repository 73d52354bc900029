using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Finishes the open migration of a slot: moves what is left of its keys, then hands the slot over, target first, and waits until every
/// node agrees. No node loses the slot while it holds a key of it.
/// </summary>
[Cmdlet(VerbsLifecycle.Complete, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class CompleteRedisSlotMigrationCommand : SlotMigrationCmdlet
{
    internal override void Run()
    {
        var cluster = Open();
        SlotPlan plan;
        try
        {
            plan = Await(cluster.PlanCompletionAsync(Slot, Source, Target, MoveOptions, Stop), "Reading the cluster");
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            Fail(failure, Refused(failure));
            return;
        }

        if (!plan.IsDone && !Consent(plan, "complete: move " + Keys(plan.KeysOnSource) + " from " + plan.Source + " to " + plan.Target))
            return;
        var outcome = Await(cluster.CompleteAsync(plan, Stop), "Completing slots");
        if (outcome.Failure is null)
            WriteObject(outcome.Result);
        else
            Fail(outcome.Failure, outcome.Result);
    }

    private void Fail(RedisOperationException failure, RedisSlotMigrationResult result)
    {
        TellOfStop(failure);
        WriteObject(result);
        WriteError(ErrorRecords.From(failure, result.Slot));
    }

    private RedisSlotMigrationResult Refused(RedisOperationException failure) => new()
    {
        Slot = Slot,
        Operation = "Complete",
        Outcome = MigrationOutcome.Failed,
        Source = Source,
        Target = Target,
        Reason = ErrorRecords.TextOf(failure),
        Cluster = FindSession(),
    };
}
