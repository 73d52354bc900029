using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Opens the migration of a stable slot: the target imports first, then the source migrates. No key is moved, and the owner stays the owner.</summary>
[Cmdlet(VerbsLifecycle.Start, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisOpenSlot))]
public sealed class StartRedisSlotMigrationCommand : SlotOpeningCmdlet
{
    /// <summary>The master that the caller expects to own the slot: node id, unique id prefix, or <c>host:port</c>. Without it, whoever owns it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>The master that the slot is to go to: node id, unique id prefix, or <c>host:port</c>.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string Target { get; set; } = string.Empty;

    internal override void Run()
    {
        var cluster = Open();
        var asked = new RedisSlotMigrationResult { Slot = Slot, Operation = nameof(MigrationOperation.Start), Source = Source, Target = Target };
        Operate(cluster, asked, cluster.PlanStartAsync(Slot, Source, Target, MoveOptions, Stop));
    }
}
