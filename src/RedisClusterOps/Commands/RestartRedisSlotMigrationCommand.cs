using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Puts both ends of an open slot in order, so that it is a normal open slot again: the target imports, the source migrates. Keys stay
/// where they are. Where none has moved yet it can be sent to another target.
/// </summary>
[Cmdlet(VerbsLifecycle.Restart, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisOpenSlot))]
public sealed class RestartRedisSlotMigrationCommand : SlotOpeningCmdlet
{
    /// <summary>Another target, while no key has moved: node id, unique id prefix, or <c>host:port</c>. Without it, the one it had.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var asked = new RedisSlotMigrationResult { Slot = Slot, Operation = nameof(MigrationOperation.Restart), Target = Target };
        Operate(cluster, asked, cluster.PlanRestartAsync(Slot, Target, MoveOptions, Stop));
    }
}
