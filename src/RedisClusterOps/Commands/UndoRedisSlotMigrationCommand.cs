using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Brings a slot, or every slot of a run of the journal, back to the master that its migration started from. By default it is finished
/// forward first and then migrated back, so that clients see every key all the time.
/// </summary>
[Cmdlet(VerbsCommon.Undo, "RedisSlotMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, DefaultParameterSetName = OneSlot)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class UndoRedisSlotMigrationCommand : WholeSlotCmdlet
{
    private const string OneSlot = "Slot";

    private const string WholeRun = "MigrationId";

    /// <summary>The slot, 0 to 16383.</summary>
    [Parameter(ParameterSetName = OneSlot, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int Slot { get; set; }

    /// <summary>The master that the migration started from, and that the slot goes back to: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ParameterSetName = OneSlot, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>The master that it was going to: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ParameterSetName = OneSlot, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    /// <summary>A run of the journal, by its id or the beginning of it: each of its slots goes back to the master that owned it before, the last one first.</summary>
    [Parameter(ParameterSetName = WholeRun, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(MigrationCompleter))]
    public string? MigrationId { get; set; }

    /// <summary>RoundTrip, the default, finishes forward and migrates back; no read fails. PullBack is faster, and the keys that had moved read as missing until they are back.</summary>
    [Parameter]
    public UndoStrategy Strategy { get; set; } = UndoStrategy.RoundTrip;

    /// <summary>Closes the slot although its target does not answer: the keys that have moved there are given up until it is back.</summary>
    [Parameter]
    public SwitchParameter AllowUnreachableNode { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        if (MigrationId is not null)
        {
            if (Await(cluster.PlanUndoOfMovesAsync(MigrationId, MoveOptions, Stop), "Reading the journal") is { } whole)
                MoveWhole(cluster, whole);
            else
                Operate(cluster, cluster.PlanUndoOfRunAsync(MigrationId, Strategy, AllowUnreachableNode, MoveOptions, Stop));
            return;
        }

        var asked = new RedisSlotMigrationResult { Slot = Slot, Operation = nameof(MigrationOperation.Undo), Source = Source, Target = Target };
        Operate(cluster, asked, cluster.PlanUndoAsync(Slot, Source, Target, Strategy, AllowUnreachableNode, MoveOptions, Stop));
    }
}
