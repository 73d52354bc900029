using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Journal;

/// <summary>Deletes the files of old finished runs. Saved values of conflicts are never deleted.</summary>
internal static class JournalRetention
{
    /// <summary>The newest finished runs that stay, however old they are.</summary>
    public const int LeastRuns = 200;

    /// <summary>Runs that began less than so long ago stay, however many they are.</summary>
    public static readonly TimeSpan LeastAge = TimeSpan.FromDays(90);

    /// <summary>Deletes what is expired. Trouble with files is ignored: the next run tries again.</summary>
    public static void Prune(JournalFolder folder, DateTime now)
    {
        try
        {
            // Cheap, and true of most journals: there is nothing to decide.
            if (Directory.EnumerateFiles(folder.Runs, "*" + RunFile.Extension).Take(LeastRuns + 1).Count() <= LeastRuns)
                return;
            var runs = new JournalReader(folder).Summaries();
            var atWork = ClusterLock.RunsAtWork(folder);
            foreach (var run in Expired(runs, now, atWork.Contains))
                File.Delete(Path.Combine(folder.Runs, run.Id + RunFile.Extension));
        }
        catch (Exception failure) when (failure is RedisOperationException || JournalFolder.IsOfFiles(failure))
        {
            // The journal is larger than it needs to be, and otherwise complete.
        }
    }

    /// <summary>The runs whose files are not needed any more: finished, old, and beyond the newest ones.</summary>
    /// <param name="newestFirst">All runs of the journal.</param>
    /// <param name="isAtWork">Whether the run with this id holds a lock.</param>
    public static IReadOnlyList<RunSummary> Expired(IReadOnlyList<RunSummary> newestFirst, DateTime now, Func<string, bool> isAtWork)
    {
        var finished = newestFirst.Where((run, index) => !run.IsDamaged && (run.HasEnded || !isAtWork(run.Id)) && IsFinished(run, newestFirst, index)).ToList();
        var old = new HashSet<RunSummary>(finished.Skip(LeastRuns).Where(run => now - run.Started > LeastAge));
        // A run that finished slots of an older one stays as long as that one: without it they would seem to be left.
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

    // Nothing of it can be resumed, no slot that it opened is open as far as the journal knows, and no setting waits to be restored.
    private static bool IsFinished(RunSummary run, IReadOnlyList<RunSummary> newestFirst, int index)
    {
        var later = newestFirst.Take(index).Where(one => one.NodeIds.Any(run.NodeIds.Contains)).ToList();
        return run.Left.Slots.All(slot => later.Any(one => one.HasDone(slot)))
            && run.Open.SelectMany(open => open.Slots.Slots).All(slot => later.Any(one => one.Closed.Contains(slot)))
            && run.Suppressed.All(kept => later.Any(one => one.Restored.Contains(kept.Node)));
    }
}
