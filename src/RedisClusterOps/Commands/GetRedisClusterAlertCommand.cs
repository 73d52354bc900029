using System;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets the active alerts of a cluster and since when each has existed. Meant for a schedule; writes nothing if all is well.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterAlert")]
[OutputType(typeof(RedisClusterAlert))]
public sealed class GetRedisClusterAlertCommand : ClusterOnlyCmdlet
{
    /// <summary>Specifies how long an open slot may make no progress. The default is 30 minutes.</summary>
    [Parameter]
    [Duration]
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// Specifies how many MOVED replies per second all nodes together may send, on the average since the earlier check. The default is 10.
    /// </summary>
    [Parameter]
    [ValidateRange(0, 1_000_000)]
    public int MaxMovedPerSecond { get; set; } = 10;

    /// <summary>
    /// Specifies a file that records between runs since when each problem exists. It is created if it does not exist.
    /// </summary>
    [Parameter]
    public string? StatePath { get; set; }

    /// <summary>
    /// Specifies earlier output: alerts of this cmdlet, open slots, the health of a check, or traffic. Objects deserialized from CLIXML or
    /// JSON are accepted, too.
    /// </summary>
    [Parameter]
    public object[]? Previous { get; set; }

    /// <summary>
    /// Specifies the folder of the journal. The default is the folder in the environment variable REDISCLUSTEROPS_JOURNAL, otherwise the
    /// user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var previous = (Previous ?? []).SelectMany(PreviousObservation.Read).ToList();
        var options = new AlertOptions
        {
            StuckAfter = StuckAfter,
            MaxMovedPerSecond = MaxMovedPerSecond,
            StatePath = FilePath(StatePath),
            JournalPath = FilePath(JournalPath),
            PreviousAlerts = previous.OfType<RedisClusterAlert>().ToList(),
            PreviousOpenSlots = previous.OfType<RedisOpenSlot>().ToList(),
            PreviousTraffic = previous.OfType<RedisClusterTraffic>().ToList(),
        };
        var outcome = Await(Open().GetAlertsAsync(options, Stop), "Checking the cluster");
        WriteObject(outcome.Alerts, enumerateCollection: true);
        // Not an error: with -ErrorAction Stop an error would end the pipeline, and the alerts would be lost.
        if (outcome.Failure is { } failure)
            WriteWarning(ErrorRecords.TextOf(failure));
    }
}
