using Xunit;
using System;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>What rco is at when it, or a node, is killed.</summary>
public enum Work
{
    /// <summary>A slot that is stuck half-way is completed.</summary>
    Complete,

    /// <summary>It is finished forward and migrated back.</summary>
    Undo,

    /// <summary>It is pulled back.</summary>
    PullBack,

    /// <summary>It is repaired, which completes it.</summary>
    Repair,

    /// <summary>The source has closed it, and the keys that had moved are brought home.</summary>
    RepairStrays,
}

/// <summary>How somebody goes on after the kill.</summary>
internal enum GoingOn
{
    Resume,
    SameCommand,
    ResumeWithoutJournal,
    SameCommandWithoutJournal,
}

/// <summary>What follows from the work and from the way to go on.</summary>
internal static class KillCase
{
    public static readonly bool IsFullProof = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";

    /// <summary>Dying and promoted nodes take half a minute each, so a usual run takes them on one server.</summary>
    public static bool IsTaken(ITheoryDataRow server) => IsFullProof || (string)server.GetData()[0]! == Servers.Redis70;

    /// <summary>True where the slot is to end at the migration's source.</summary>
    public static bool GoesHome(this Work work) => work is Work.Undo or Work.PullBack or Work.RepairStrays;

    public static bool LosesJournal(this GoingOn goingOn) => goingOn is GoingOn.ResumeWithoutJournal or GoingOn.SameCommandWithoutJournal;

    /// <summary>Half of the trials resume, half repeat the command; one in five of either does so without the journal.</summary>
    public static GoingOn OfTrial(int trial) => (trial % 10) switch
    {
        8 => GoingOn.ResumeWithoutJournal,
        9 => GoingOn.SameCommandWithoutJournal,
        var even when even % 2 == 0 => GoingOn.Resume,
        _ => GoingOn.SameCommand,
    };

    /// <summary>
    /// False where only the journal knew the direction. A resume from the flags alone completes what they say, and so does a repair once no key is
    /// astray any more: it can't tell the flag that it set itself from one that a migration left.
    /// </summary>
    public static bool KnowsItsEnd(this GoingOn goingOn, Work work) => goingOn switch
    {
        GoingOn.ResumeWithoutJournal => !work.GoesHome(),
        GoingOn.SameCommandWithoutJournal => work != Work.RepairStrays,
        _ => true,
    };
}
