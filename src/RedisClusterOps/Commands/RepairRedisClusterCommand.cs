using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Repairs every slot that is open, disputed or without an owner, or whose keys are on a master that does not own it. Afterwards the slot
/// has one owner, no flags, and all its keys on the owner. A slot that needs a person's decision fails with the choices; the others are
/// repaired.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "RedisCluster", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisSlotMoveResult))]
public sealed class RepairRedisClusterCommand : ManySlotsCmdlet
{
    /// <summary>Repairs only these slots: numbers and ranges, such as 5519, 0-5460 or '1,5-9'. By default, all slots.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>
    /// Specifies the master to make the owner of slots whose owner can't be determined: node id, unique id prefix, <c>host:port</c> or
    /// port.
    /// </summary>
    [Parameter]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    /// <summary>
    /// Continues without an unreachable master: other masters take over its slots, and when it rejoins it deletes its keys of these slots.
    /// </summary>
    [Parameter]
    public SwitchParameter AllowUnreachableNode { get; set; }

    /// <summary>Skips slots that no node serves.</summary>
    [Parameter]
    public SwitchParameter SkipCoverage { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var repair = new RepairOptions
        {
            Slots = Slot,
            Target = Target,
            AllowUnreachableNode = AllowUnreachableNode,
            SkipCoverage = SkipCoverage,
        };
        var plans = Await(cluster.PlanRepairAsync(repair, MoveOptions, Stop), "Reading the cluster");
        const string Nothing = "Nothing to do: no slot is open, disputed or without an owner, and no keys are astray.";
        CarryOut(cluster, plans, nameof(MigrationOperation.Repair), Nothing);
    }
}
