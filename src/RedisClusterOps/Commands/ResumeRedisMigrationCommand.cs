using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Goes on with a run that was stopped, killed, or that failed on some of its slots: each slot that is not done is planned anew from
/// what the cluster says now, the way it was going.
/// </summary>
[Cmdlet(VerbsLifecycle.Resume, "RedisMigration", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class ResumeRedisMigrationCommand : WholeSlotCmdlet
{
    /// <summary>The run, by its id or the beginning of it. Without it the newest one on this cluster that can be gone on with; where the journal knows none, every open slot is repaired, forward, as its flags say.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ResumableCompleter))]
    public string? Id { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        if (Await(cluster.PlanResumeOfMovesAsync(Id, MoveOptions, Stop), "Reading the journal") is { } whole)
            MoveWhole(cluster, whole);
        else
            Operate(cluster, cluster.PlanResumeAsync(Id, MoveOptions, Stop));
    }
}
