using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Puts right every slot that is open, disputed, without an owner, or of which a master holds keys that it does not own: one owner, no
/// flag, every key with the owner. Where only a person can decide it stops on that slot, says between what, and goes on with the others.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "RedisCluster", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class RepairRedisClusterCommand : KeyMovingCmdlet
{
    /// <summary>Only these slots, 0 to 16383; all unless told.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>The master that shall own a slot where the cluster itself can't tell: node id, unique id prefix, or <c>host:port</c>.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    /// <summary>Goes on without a master that does not answer: its slots are given to others, and when it comes back it deletes the keys that it still has of them.</summary>
    [Parameter]
    public SwitchParameter AllowUnreachableNode { get; set; }

    /// <summary>Leaves slots that nobody serves alone.</summary>
    [Parameter]
    public SwitchParameter SkipCoverage { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var repair = new RepairOptions { Slots = Slot, Target = Target, AllowUnreachableNode = AllowUnreachableNode, SkipCoverage = SkipCoverage };
        Operate(cluster, cluster.PlanRepairAsync(repair, MoveOptions, Stop));
    }
}
