using System.Management.Automation;
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

    internal override void Run()
    {
        var cluster = Open();
        foreach (var slot in Slot)
        {
            var asked = new RedisSlotMigrationResult { Slot = slot, Operation = nameof(MigrationOperation.Restart), Target = Target };
            Operate(cluster, asked, cluster.PlanRestartAsync(slot, Target, MoveOptions, Stop));
        }
    }
}
