using System.Collections.Generic;
using System.Management.Automation;
using System.Threading.Tasks;

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

    internal override Task<IReadOnlyList<SlotPlan>> PlanAsync(
        RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots) =>
        cluster.PlanCompletionsAsync(slots, MoveOptions, Stop);
}
