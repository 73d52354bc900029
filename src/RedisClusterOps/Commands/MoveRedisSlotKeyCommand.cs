using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Moves keys of an open slot from its source to its target. The slot stays open, and its owner stays the owner.</summary>
[Cmdlet(VerbsCommon.Move, "RedisSlotKey", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisKeyMove))]
public sealed class MoveRedisSlotKeyCommand : SlotMigrationCmdlet
{
    /// <summary>At most so many keys; all unless told.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Just these keys, as UTF-8.</summary>
    [Parameter]
    [AllowEmptyString]
    public string[]? Key { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        try
        {
            var plan = Await(cluster.PlanKeyMoveAsync(Slot, Source, Target, First, Key, MoveOptions, Stop), "Reading the cluster");
            if (!Consent([plan], "move " + Extent(plan) + " from " + plan.Source + " to " + plan.Target))
                return;
            var outcome = Await(cluster.MoveKeysAsync(plan, Stop), "Moving keys");
            if (outcome.Failure is { } failure)
                TellOfStop(failure);
            Close();
            WriteObject(outcome.Result);
            if (outcome.Failure is not null)
                WriteError(ErrorRecords.From(outcome.Failure, Slot));
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            TellOfStop(failure);
            WriteError(ErrorRecords.From(failure, Slot));
        }
    }

    private string Extent(SlotPlan plan)
    {
        long? most = Key?.Length ?? plan.KeysOnSource;
        return First is { } first && !(most <= first) ? "at most " + PlanText.Keys(first) : PlanText.Keys(most);
    }
}
