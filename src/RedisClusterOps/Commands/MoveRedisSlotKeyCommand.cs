using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Moves keys of an open slot from its source to its target. The slot stays open, and its owner stays the owner.</summary>
[Cmdlet(VerbsCommon.Move, "RedisSlotKey", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisKeyMove))]
public sealed class MoveRedisSlotKeyCommand : SlotMigrationCmdlet
{
    /// <summary>Specifies the maximum number of keys to move, 1 or more. By default, all keys of the slot.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Moves only these keys, as UTF-8. A key named twice is moved once.</summary>
    [Parameter]
    [AllowEmptyString]
    public string[]? Key { get; set; }

    internal override void Run()
    {
        foreach (var slot in Slot)
            Move(slot);
    }

    private void Move(int slot)
    {
        var cluster = Open();
        try
        {
            var plan = Await(cluster.PlanKeyMoveAsync(slot, Source, Target, First, Key, MoveOptions, Stop), "Reading the cluster");
            if (!Consent([plan], "move " + Extent(plan) + " from " + plan.Source + " to " + plan.Target))
                return;
            var outcome = Await(cluster.MoveKeysAsync(plan, Stop), "Moving keys");
            if (outcome.Failure is { } failure)
                ReportStop(failure);
            Close();
            WriteObject(outcome.Result);
            if (outcome.Failure is not null)
                Fail(slot, outcome.Failure);
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            ReportStop(failure);
            Fail(slot, failure);
        }
    }

    private string Extent(SlotPlan plan)
    {
        // The plan contains a key that is specified twice only once, and no keys beyond -First.
        if (plan.KeyCount is { } count)
            return PlanText.Keys(count);
        return First is { } first && !(plan.KeysOnSource <= first) ? "at most " + PlanText.Keys(first) : PlanText.Keys(plan.KeysOnSource);
    }
}
