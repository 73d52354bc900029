using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Completes the open migration of a slot: moves the remaining keys, then hands the slot over, target first, and waits until every node
/// agrees. No node loses the slot while it holds keys of it.
/// </summary>
[Cmdlet(VerbsLifecycle.Complete, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class CompleteRedisSlotMigrationCommand : SlotMigrationCmdlet
{
    internal override void Run()
    {
        var cluster = Open();
        foreach (var slot in Slot)
        {
            var asked = new RedisSlotMigrationResult
            {
                Slot = slot,
                Operation = nameof(MigrationOperation.Complete),
                Source = Source,
                Target = Target,
            };
            Operate(cluster, asked, cluster.PlanCompletionAsync(slot, Source, Target, MoveOptions, Stop));
        }
    }
}
