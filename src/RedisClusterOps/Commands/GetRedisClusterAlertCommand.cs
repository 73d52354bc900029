using System;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>What has to be looked at now, and since when: for a schedule. Nothing is written when all is well.</summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterAlert")]
[OutputType(typeof(RedisClusterAlert))]
public sealed class GetRedisClusterAlertCommand : RedisClusterCmdlet
{
    /// <summary>How long an open slot may make no progress. 30 minutes unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>File to remember by from one run to the next: since when each trouble has been there. It is made when it is not there.</summary>
    [Parameter]
    public string? StatePath { get; set; }

    /// <summary>What earlier runs wrote: alerts of this cmdlet, open slots, or the health of a check. Also as they come back from a file of CLIXML or JSON.</summary>
    [Parameter]
    public object[]? Previous { get; set; }

    /// <summary>Folder of the journal, which knows of our own runs. Unless told, the one that the variable REDISCLUSTEROPS_JOURNAL names, else the user's own data folder.</summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var earlier = (Previous ?? []).SelectMany(EarlierLook.Read).ToList();
        var options = new AlertOptions
        {
            StuckAfter = StuckAfter,
            StatePath = StatePath is null ? null : GetUnresolvedProviderPathFromPSPath(StatePath),
            JournalPath = JournalPath is null ? null : GetUnresolvedProviderPathFromPSPath(JournalPath),
            PreviousAlerts = earlier.OfType<RedisClusterAlert>().ToList(),
            PreviousOpenSlots = earlier.OfType<RedisOpenSlot>().ToList(),
        };
        var outcome = Await(Open().GetAlertsAsync(options, Stop), "Looking for what is wrong");
        WriteObject(outcome.Alerts, enumerateCollection: true);
        if (outcome.Failure is { } failure)
            WriteError(ErrorRecords.From(failure));
    }
}
