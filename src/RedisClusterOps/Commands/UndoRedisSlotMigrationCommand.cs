using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Threading.Tasks;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Returns a slot, or every slot of a run, to the master that its migration started from. By default the migration is completed first and
/// the slot then migrates back, so that clients can access every key at any time.
/// </summary>
[Cmdlet(
    VerbsCommon.Undo,
    "RedisSlotMigration",
    SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = OneSlot)]
[OutputType(typeof(RedisSlotMigrationResult), typeof(RedisSlotMoveResult))]
public sealed class UndoRedisSlotMigrationCommand : BulkMoveCmdlet
{
    private const string OneSlot = "Slot";

    private const string OneRun = "MigrationId";

    private const string NothingToUndo = "Nothing to undo: the run has not begun with any slot.";

    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(
        ParameterSetName = OneSlot, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[] Slot { get; set; } = [];

    /// <summary>
    /// Specifies the master that the migration started from, to which the slot returns: node id, unique id prefix, <c>host:port</c> or
    /// port. By default, the slot's flags determine it.
    /// </summary>
    [Parameter(ParameterSetName = OneSlot, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>
    /// Specifies the target of the migration: node id, unique id prefix, <c>host:port</c> or port. By default, the slot's flags determine
    /// it.
    /// </summary>
    [Parameter(ParameterSetName = OneSlot, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }

    /// <summary>
    /// Specifies a run by its id or the beginning of it. Each of its slots returns to its previous owner, the last slot first.
    /// </summary>
    [Parameter(ParameterSetName = OneRun, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(MigrationCompleter))]
    public string? MigrationId { get; set; }

    /// <summary>
    /// Specifies how to undo. RoundTrip, the default, completes the migration and migrates back; no read fails. PullBack is faster, but
    /// keys that have moved appear missing until they are back.
    /// </summary>
    [Parameter]
    public UndoStrategy Strategy { get; set; } = UndoStrategy.RoundTrip;

    /// <summary>Closes the slot even if its target is unreachable. Keys that have moved there are unavailable until it is back.</summary>
    [Parameter]
    public SwitchParameter AllowUnreachableNode { get; set; }

    /// <inheritdoc/>
    [Parameter(ParameterSetName = OneRun)]
    public override SwitchParameter PerSlot { get; set; }

    /// <inheritdoc/>
    [Parameter(ParameterSetName = OneRun)]
    [Until]
    public override DateTime? Until { get; set; }

    internal override void Run()
    {
        if (MigrationId is null)
        {
            Collect(Slot, Source, Target);
            return;
        }

        var cluster = Open();
        if (Await(cluster.PlanUndoOfMovesAsync(MigrationId, MoveOptions, Stop), "Reading the journal") is { } plan)
            MoveSlots(cluster, plan, NothingToUndo);
        else
        {
            var planning = cluster.PlanUndoOfRunAsync(MigrationId, Strategy, AllowUnreachableNode, MoveOptions, Stop);
            CarryOut(cluster, Await(planning, "Reading the cluster"), nameof(MigrationOperation.Undo), NothingToUndo);
        }
    }

    internal override Task<IReadOnlyList<SlotPlan>> PlanAsync(
        RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots) =>
        cluster.PlanUndosAsync(slots, Strategy, AllowUnreachableNode, MoveOptions, Stop);

    internal override bool IsGrouped => MigrationId is not null && base.IsGrouped;

    internal override bool ShowsWayBack => MigrationId is not null;

    internal override void Write(IReadOnlyList<SlotOutcome> outcomes)
    {
        if (MigrationId is null)
            WriteEach(outcomes);
        else
            base.Write(outcomes);
    }
}
