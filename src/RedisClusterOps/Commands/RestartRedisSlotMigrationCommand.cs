using System.Collections.Generic;
using System.Management.Automation;
using System.Threading.Tasks;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Makes the flags of an open slot consistent again: the target imports, the source migrates. Keys stay where they are. If no key has moved
/// yet, another target can be specified.
/// </summary>
[Cmdlet(VerbsLifecycle.Restart, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisOpenSlot))]
public sealed class RestartRedisSlotMigrationCommand : SlotOpeningCmdlet
{
    /// <summary>
    /// Specifies another target, if no key has moved yet: node id, unique id prefix, <c>host:port</c> or port. The default is the current
    /// target.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    internal override void Run() => Collect(Slot, null, Target);

    internal override Task<IReadOnlyList<SlotPlan>> PlanAsync(
        RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots) =>
        cluster.PlanRestartsAsync(slots, MoveOptions, Stop);
}
