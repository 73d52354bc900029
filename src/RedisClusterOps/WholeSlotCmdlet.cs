using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>A cmdlet that moves many slots whole: a plan first, then consent to each pair of masters, then all pairs at once, and an object for each slot.</summary>
public abstract class WholeSlotCmdlet : KeyMovingCmdlet
{
    /// <summary>
    /// How slots move whole: Atomic, by the servers themselves, where both ends can; KeyByKey, by MIGRATE; Auto, the default, decides for each
    /// pair before anything starts, and the plan says which.
    /// </summary>
    [Parameter]
    public MoveMethod Method { get; set; }

    /// <summary>Pairs of masters that are at work at once, 1 to 64; 0, the default, for as many as there are, up to 16.</summary>
    [Parameter]
    [ValidateRange(0, 64)]
    public int MaxParallel { get; set; }

    internal override MoveOptions MoveOptions => base.MoveOptions with { Method = Method, MaxParallel = MaxParallel };

    /// <summary>Checks a plan, asks once for each pair of masters, and does what was agreed to.</summary>
    internal void MoveWhole(RedisCluster cluster, RedisRebalancePlan plan)
    {
        if (plan.Moves.Count == 0)
        {
            WriteVerbose("There is nothing to move.");
            return;
        }

        var options = MoveOptions;
        var check = Await(cluster.CheckMovesAsync(plan, options, Stop), "Looking at the nodes");
        foreach (var (isWarning, text) in MoveText.Notices(check))
        {
            if (isWarning)
                WriteWarning(text);
            else
                WriteVerbose(text);
        }

        var agreed = check.Moves.Where(Consent).ToList();
        if (agreed.Count > 0)
            CarryOutAll(Await(cluster.RunMovesAsync(check, agreed, options, Stop), "Reading the cluster"));

        bool Consent(RedisSlotMove move) => ShouldProcess(
            "Performing the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: true) + "\".",
            "Perform the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: false) + "\"?",
            "Confirm");
    }

    private void CarryOutAll(SlotMoveRun run)
    {
        CarryOut(run);
        if (run.MigrationId is { } id)
            WriteVerbose("To take it back: Undo-RedisSlotMigration -MigrationId " + id);
    }
}
