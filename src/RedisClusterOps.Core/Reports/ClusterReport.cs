using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Reports;

/// <summary>The content of a report.</summary>
/// <param name="Health">The result of the check.</param>
/// <param name="Chart">The owners of the slots.</param>
/// <param name="Runs">The journal's runs on this cluster, newest first.</param>
/// <param name="TakenAtUtc">When the cluster was read.</param>
/// <param name="JournalTrouble">Why the journal could not be read; null if it was read.</param>
internal sealed record ClusterReport(
    RedisClusterHealth Health, SlotChart Chart, IReadOnlyList<RedisMigration> Runs, DateTime TakenAtUtc, string? JournalTrouble)
{
    /// <summary>The active alerts, most severe first.</summary>
    public IReadOnlyList<RedisClusterAlert> Alerts { get; init; } = [];

    /// <summary>How long an open slot may make no progress before it is an alert.</summary>
    public TimeSpan StuckAfter { get; init; } = new AlertOptions().StuckAfter;

    /// <summary>Renders a next action as a command of the front end.</summary>
    public Func<NextAction, string> NextActionText { get; init; } = next => next.ToString();

    /// <summary>
    /// The number of open slots that neither the journal nor a state file covers. They are no alert, however long they have been stuck.
    /// </summary>
    public int SlotsOfUnknownAge =>
        Health.OpenSlots.Count(slot => slot is { Since: null, LastProgress: null } && AlertCheck.CanBeStuck(slot.State));
}

/// <summary>A report on disk. Private to its owner, because it contains the cluster's addresses and its problems.</summary>
internal static class ReportFile
{
    /// <summary>Writes the file completely or not at all: the previous content stays until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="report">The content.</param>
    /// <param name="keepsOld">True if an existing file is an error instead of being replaced.</param>
    /// <exception cref="RedisOperationException">ReportNotWritten.</exception>
    public static void Write(string path, ClusterReport report, bool keepsOld)
    {
        RequireFree(path, keepsOld);
        var bytes = new UTF8Encoding(false).GetBytes(ReportPage.Write(report));
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
    /// Fails if the path can't be used. Called before the cluster is read, too, so that no time is spent on a report that can't be written.
    /// </summary>
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
