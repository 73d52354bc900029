using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>The operation in progress when its process, or a node, is killed.</summary>
public enum Work
{
    /// <summary>Completes a slot that is stuck half-way.</summary>
    Complete,

    /// <summary>Undoes it by a round trip.</summary>
    Undo,

    /// <summary>Undoes it by pulling the keys back.</summary>
    PullBack,

    /// <summary>Repairs it, which completes it.</summary>
    Repair,

    /// <summary>Repairs a slot that only its source has closed: the keys that had moved return to the source.</summary>
    RepairStrays,
}

/// <summary>What an operator does after the kill.</summary>
internal enum Recovery
{
    Resume,
    SameCommand,
    RepairWithoutJournal,
    SameCommandWithoutJournal,
}

/// <summary>The cases of the kill tests, and where each of them ends.</summary>
internal static class KillCase
{
    public static readonly bool IsFullProof = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";

    /// <summary>
    /// The rounds of a statistical test. A full proof may take an hour, so <c>RCO_ROUNDS</c>, such as <c>5-9</c>, selects some of its
    /// rounds.
    /// </summary>
    public static IReadOnlyList<int> Rounds(int full, int few)
    {
        var all = Enumerable.Range(0, IsFullProof ? full : few);
        var ends = Environment.GetEnvironmentVariable("RCO_ROUNDS")?.Split('-').Select(int.Parse).ToList();
        return [.. all.Where(round => ends is null || (round >= ends[0] && round <= ends[^1]))];
    }

    /// <summary>A dead or promoted node takes half a minute, so the short proof takes one server.</summary>
    public static bool IsTaken(ITheoryDataRow server) => IsFullProof || (string)server.GetData()[0]! == Servers.Redis70;

    /// <summary>True if the slot is to end at the migration's source.</summary>
    public static bool EndsAtSource(this Work work) => work is Work.Undo or Work.PullBack or Work.RepairStrays;

    public static bool LosesJournal(this Recovery recovery) =>
        recovery is Recovery.RepairWithoutJournal or Recovery.SameCommandWithoutJournal;

    /// <summary>
    /// Half of the trials resume, half repeat the command. One in five of each has no journal; without it, a repair takes the place of the
    /// resume.
    /// </summary>
    public static Recovery RecoveryOf(int trial) => (trial % 10) switch
    {
        8 => Recovery.RepairWithoutJournal,
        9 => Recovery.SameCommandWithoutJournal,
        var even when even % 2 == 0 => Recovery.Resume,
        _ => Recovery.SameCommand,
    };

    /// <summary>
    /// False if only the journal knew the direction. Without it a repair completes what the flags say: it can't distinguish its own flag
    /// from one that a migration left.
    /// </summary>
    public static bool KnowsDirection(this Recovery recovery, Work work) => recovery switch
    {
        Recovery.RepairWithoutJournal => !work.EndsAtSource(),
        Recovery.SameCommandWithoutJournal => work != Work.RepairStrays,
        _ => true,
    };
}
