using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Deletes the files of old finished runs. Saved values of conflicts are never deleted.</summary>
internal static class JournalRetention
{
    /// <summary>The number of newest finished runs that stay, regardless of their age.</summary>
    public const int LeastRuns = 200;

    /// <summary>Runs younger than this stay, regardless of their number.</summary>
    public static readonly TimeSpan LeastAge = TimeSpan.FromDays(90);

    /// <summary>Deletes expired files. Errors of files are ignored: the next run tries again.</summary>
    public static void Prune(JournalFolder folder, DateTime now)
    {
        try
        {
            // A cheap test that most journals pass: there is nothing to delete.
            if (Directory.EnumerateFiles(folder.Runs, "*" + RunFile.Extension).Take(LeastRuns + 1).Count() <= LeastRuns)
                return;
            var runs = new JournalReader(folder).Summaries();
            var running = ClusterLock.RunningIds(folder);
            foreach (var run in Expired(runs, now, running.Contains))
                File.Delete(Path.Combine(folder.Runs, run.Id + RunFile.Extension));
        }
        catch (Exception failure) when (failure is RedisOperationException || WholeFile.IsFileError(failure))
        {
            // The journal stays complete, only larger than necessary.
        }
    }

    /// <summary>The runs whose files are no longer needed: finished, old, and not among the newest.</summary>
    /// <param name="newestFirst">All runs of the journal.</param>
    /// <param name="isRunning">Whether the run with this id holds a lock.</param>
    public static IReadOnlyList<RunSummary> Expired(IReadOnlyList<RunSummary> newestFirst, DateTime now, Func<string, bool> isRunning)
    {
        var finished = newestFirst
            .Where((run, index) => !run.IsDamaged && (run.HasEnded || !isRunning(run.Id)) && IsFinished(run, newestFirst, index))
            .ToList();
        var old = new HashSet<RunSummary>(finished.Skip(LeastRuns).Where(run => now - run.Started > LeastAge));
        // A run that finished slots of an older run stays as long as that run. Without it the slots would appear unfinished.
        var needed = new bool[HashSlot.Count];
        var expired = new List<RunSummary>();
        foreach (var run in newestFirst.Reverse())
        {
            if (old.Contains(run) && !run.Closed.Slots.Any(slot => needed[slot]))
            {
                expired.Add(run);
                continue;
            }

            foreach (var slot in run.Left.Slots.Concat(run.Open.SelectMany(open => open.Slots.Slots)))
                needed[slot] = true;
        }

        return expired;
    }

    // It can't be resumed, according to the journal no slot that it opened is open, and it left no setting to restore.
    private static bool IsFinished(RunSummary run, IReadOnlyList<RunSummary> newestFirst, int index)
    {
        var later = newestFirst.Take(index).Where(one => one.NodeIds.Any(run.NodeIds.Contains)).ToList();
        return run.Left.Slots.All(slot => later.Any(one => one.HasDone(slot)))
            && run.Open.SelectMany(open => open.Slots.Slots).All(slot => later.Any(one => one.Closed.Contains(slot)))
            && run.Suppressed.All(changed => later.Any(one => one.Restored.Contains(changed.Node)));
    }
}
