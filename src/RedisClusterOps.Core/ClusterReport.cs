using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <summary>A report of a cluster, to be saved as one self-contained HTML page.</summary>
public sealed record ClusterReport
{
    /// <param name="health">The result of the check.</param>
    /// <param name="chart">The owners of the slots.</param>
    /// <param name="runs">The journal's runs on this cluster, newest first.</param>
    /// <param name="takenAtUtc">When the cluster was read.</param>
    /// <param name="journalTrouble">Why the journal could not be read; null if it was read.</param>
    internal ClusterReport(
        RedisClusterHealth health, SlotChart chart, IReadOnlyList<RedisMigration> runs, DateTime takenAtUtc, string? journalTrouble) =>
        (Health, Chart, Runs, TakenAtUtc, JournalTrouble) = (health, chart, runs, takenAtUtc, journalTrouble);

    internal RedisClusterHealth Health { get; }

    internal SlotChart Chart { get; }

    internal IReadOnlyList<RedisMigration> Runs { get; }

    internal DateTime TakenAtUtc { get; }

    internal string? JournalTrouble { get; }

    /// <summary>The active alerts, most severe first.</summary>
    internal IReadOnlyList<RedisClusterAlert> Alerts { get; init; } = [];

    /// <summary>How long an open slot may make no progress before it is an alert.</summary>
    internal TimeSpan StuckAfter { get; init; } = new AlertOptions().StuckAfter;

    /// <summary>What the nodes did while the report was made; empty if that is unknown.</summary>
    internal IReadOnlyList<RedisClusterTraffic> Traffic { get; init; } = [];

    /// <summary>Why the traffic is unknown; null if it was measured.</summary>
    internal string? TrafficTrouble { get; init; }

    /// <summary>The libraries of the clients; null if they were not read.</summary>
    internal ClientKinds? Clients { get; init; }

    /// <summary>Renders a next action as a command of the front end.</summary>
    internal Func<NextAction, string> NextActionText { get; init; } = next => next.ToString();

    /// <summary>
    /// The number of open slots that neither the journal nor a state file covers. They are no alert, however long they have been stuck.
    /// </summary>
    internal int SlotsOfUnknownAge =>
        Health.OpenSlots.Count(slot => slot is { Since: null, LastProgress: null } && AlertCheck.CanBeStuck(slot.State));

    /// <summary>
    /// Saves the page completely or not at all: the previous content stays until the new one is complete. The file is private to its
    /// owner, because it contains the cluster's addresses and its problems.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="keepsOld">True if an existing file is an error instead of being replaced.</param>
    /// <exception cref="RedisOperationException">ReportNotWritten.</exception>
    public void Save(string path, bool keepsOld)
    {
        RequireFree(path, keepsOld);
        var bytes = new UTF8Encoding(false).GetBytes(ReportPage.Write(this));
        try
        {
            WholeFile.Write(path, file => file.Write(bytes, 0, bytes.Length), isPrivate: true, keepsOld: keepsOld);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw NotWritten(path, Printable.Clean(failure.Message).TrimEnd('.'), failure);
        }
    }

    /// <summary>
    /// Fails if the path can't be used. Called before the cluster is read, too, so that no time is spent on a report that can't be saved.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="keepsOld">True if an existing file is an error.</param>
    /// <exception cref="RedisOperationException">ReportNotWritten.</exception>
    public static void RequireFree(string path, bool keepsOld)
    {
        if (Directory.Exists(path))
            throw NotWritten(path, "it is a folder", null);
        if (keepsOld && File.Exists(path))
            throw NotWritten(path, "the file already exists", null);
    }

    private static RedisOperationException NotWritten(string path, string why, Exception? failure) => new(
        FailureCode.ReportNotWritten,
        "The report can't be written to '" + Printable.Clean(path) + "': " + why + ".",
        path,
        new NextAction(NextActionCode.WriteReport) { Node = "<a file in a folder that can be written>" },
        failure);
}
