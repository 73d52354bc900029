using System.Collections.Generic;
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
    internal override void Run() => Collect(Slot, Source, Target);

    internal override void Operate(RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots)
    {
        if (slots.Count > 1)
        {
            OperateTogether(cluster, cluster.PlanCompletionsAsync(slots, MoveOptions, Stop));
            return;
        }

        var (slot, source, target) = slots[0];
        var asked = new RedisSlotMigrationResult
        {
            Slot = slot,
            Operation = nameof(MigrationOperation.Complete),
            Source = source,
            Target = target,
        };
        Operate(cluster, asked, cluster.PlanCompletionAsync(slot, source, target, MoveOptions, Stop));
    }
}
