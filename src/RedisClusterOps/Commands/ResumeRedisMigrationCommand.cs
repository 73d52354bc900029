using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Resumes a run that was stopped or killed, or that failed on some of its slots. Each unfinished slot is planned again from the current
/// state of the cluster, in the direction of the run.
/// </summary>
[Cmdlet(VerbsLifecycle.Resume, "RedisMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisSlotMoveResult))]
public sealed class ResumeRedisMigrationCommand : BulkMoveCmdlet
{
    /// <summary>
    /// Specifies the run by its id or the beginning of it. The default is the newest resumable run of this cluster.
    /// </summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("MigrationId")]
    [ArgumentCompleter(typeof(ResumableCompleter))]
    public string? Id { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        if (Await(cluster.PlanResumeOfMovesAsync(Id, MoveOptions, Stop), "Reading the journal") is { } plan)
            MoveSlots(cluster, plan, "Nothing to resume: no slot of the run is left.");
        else
        {
            var plans = Await(cluster.PlanResumeAsync(Id, MoveOptions, Stop), "Reading the cluster");
            CarryOut(cluster, plans, "Resume", Id is null
                ? "Nothing to resume: the journal has no unfinished run on this cluster. For slots that another tool left open: "
                    + "Get-RedisOpenSlot"
                : "Nothing to resume: no slot of the run is left.");
        }
    }
}
