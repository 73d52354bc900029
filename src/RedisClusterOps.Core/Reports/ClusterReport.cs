using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Reports;

/// <summary>All that a report tells.</summary>
/// <param name="Runs">Those of the journal that were on this cluster, newest first.</param>
/// <param name="JournalTrouble">Why the journal could not be read; null where it could.</param>
internal sealed record ClusterReport(RedisClusterHealth Health, SlotChart Chart, IReadOnlyList<RedisMigration> Runs, DateTime TakenAtUtc, string? JournalTrouble)
{
    /// <summary>The alerts that are active, the worst first.</summary>
    public IReadOnlyList<RedisClusterAlert> Alerts { get; init; } = [];

    /// <summary>How long an open slot may make no progress before it is one of them.</summary>
    public TimeSpan StuckAfter { get; init; } = new AlertOptions().StuckAfter;

    /// <summary>Renders a next action as a command of the front end.</summary>
    public Func<NextAction, string> NextActionText { get; init; } = next => next.ToString();

    /// <summary>Open slots of which neither the journal nor a watcher tells since when: they are no alert, however long they have been stuck.</summary>
    public int SlotsOfUnknownAge => Health.OpenSlots.Count(slot => slot is { Since: null, LastProgress: null } && AlertCheck.CanBeStuck(slot.State));
}

/// <summary>A report on disk, for its owner alone: it tells where a cluster can be found, and what is wrong with it.</summary>
internal static class ReportFile
{
    /// <summary>Whole or not at all: what was there before stays until the new one is complete.</summary>
    /// <param name="keepsOld">A file that is there already is an error, not replaced.</param>
    /// <exception cref="RedisOperationException">ReportNotWritten.</exception>
    public static void Write(string path, ClusterReport report, bool keepsOld)
    {
        RequireFree(path, keepsOld);
        var bytes = new UTF8Encoding(false).GetBytes(ReportPage.Write(report));
        try
        {
            WholeFile.Write(path, file => file.Write(bytes, 0, bytes.Length), isPrivate: true, keepsOld: keepsOld);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            throw NotWritten(path, Printable.Clean(failure.Message).TrimEnd('.'), failure);
        }
    }

    /// <summary>Asked before the cluster is read, too: nobody waits for a report that then can't be kept.</summary>
    /// <exception cref="RedisOperationException">ReportNotWritten.</exception>
    public static void RequireFree(string path, bool keepsOld)
    {
        if (Directory.Exists(path))
            throw NotWritten(path, "it is a folder", null);
        if (keepsOld && File.Exists(path))
            throw NotWritten(path, "there is such a file already", null);
    }

    private static RedisOperationException NotWritten(string path, string why, Exception? failure) => new(
        FailureCode.ReportNotWritten, "The report can't be written to '" + Printable.Clean(path) + "': " + why + ".", path,
        new NextAction(NextActionCode.WriteReport) { Node = "<a file in a folder that can be written>" }, failure);
}
