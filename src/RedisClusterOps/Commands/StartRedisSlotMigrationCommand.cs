using System.Collections.Generic;
using System.Management.Automation;
using System.Threading.Tasks;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Starts the migration of a stable slot: first the target imports, then the source migrates. No key moves, and the owner does not change.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisOpenSlot))]
public sealed class StartRedisSlotMigrationCommand : SlotOpeningCmdlet
{
    /// <summary>
    /// Specifies the expected owner of the slot: node id, unique id prefix, <c>host:port</c> or port. The default is the current owner.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>Specifies the master that will receive the slot: node id, unique id prefix, <c>host:port</c> or port.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string Target { get; set; } = string.Empty;

    internal override void Run() => Collect(Slot, Source, Target);

    internal override Task<IReadOnlyList<SlotPlan>> PlanAsync(
        RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots) =>
        cluster.PlanStartsAsync(slots, MoveOptions, Stop);
}
