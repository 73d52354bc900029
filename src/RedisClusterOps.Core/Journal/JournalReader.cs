using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>What ran, from the files that the runs left.</summary>
internal static class JournalReader
{
    /// <summary>Older ones are left alone: what is shown is for people.</summary>
    public const int MostRuns = 1000;

    /// <summary>The runs, newest first. A folder that is not there has none.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the folder can't be read.</exception>
    public static IReadOnlyList<RedisMigration> Read(JournalFolder folder) => ReadAll(folder);

    /// <summary>The run with this id, or the only one whose id begins so.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound: no run has it, or several begin so.</exception>
    public static RedisMigration Find(JournalFolder folder, string idOrPrefix)
    {
        var found = Read(folder).Where(run => run.Id.StartsWith(idOrPrefix, StringComparison.OrdinalIgnoreCase)).ToList();
        if (found.Count == 1 && idOrPrefix.Length > 0)
            return found[0];
        var name = "'" + Printable.Clean(idOrPrefix, 60) + "'";
        throw new RedisOperationException(
            FailureCode.MigrationNotFound,
            found.Count == 0
                ? "The journal in '" + Printable.Clean(folder.Path) + "' has no run " + name + "."
                : "Several runs begin with " + name + ": " + string.Join(", ", found.Take(5).Select(run => run.Id)) + (found.Count > 5 ? ", …" : string.Empty) + ".",
            idOrPrefix,
            "Get-RedisMigration");
    }

    /// <summary>Per slot, where the newest run that did not bring it to an end was going.</summary>
    /// <param name="nodeIds">The cluster: a run belongs to it when they have a node in common, for nodes come and go.</param>
    /// <remarks>Only our own runs are known here. Whoever uses it compares the ends with the cluster's: another tool may have been at work since.</remarks>
    public static IReadOnlyDictionary<int, OpenIntent> OpenIntents(JournalFolder folder, IEnumerable<string> nodeIds)
    {
        var cluster = new HashSet<string>(nodeIds, StringComparer.Ordinal);
        var open = new Dictionary<int, OpenIntent>();
        foreach (var run in Read(folder).Reverse().Where(run => run.NodeIds.Any(cluster.Contains)))
        {
            foreach (var slot in run.Slots)
            {
                if (slot.IsUnfinished)
                    open[slot.Slot] = new OpenIntent(run, slot, open.TryGetValue(slot.Slot, out var before) ? before.Since : slot.Since!.Value);
                else if (slot.Outcome is not null)
                    open.Remove(slot.Slot);
            }
        }

        return open;
    }

    // What one run left, a later one may have brought to its end. Newest first, so the later ones are known by then.
    private static List<RedisMigration> Finished(IEnumerable<RedisMigration> newestFirst)
    {
        var done = new Dictionary<(string Node, int Slot), string>();
        var runs = new List<RedisMigration>();
        foreach (var run in newestFirst)
        {
            runs.Add(run with { Slots = [.. run.Slots.Select(slot => slot.IsDone ? slot : slot with { FinishedBy = By(run, slot.Slot) })] });
            foreach (var slot in run.Slots.Where(slot => slot.IsDone && !slot.IsUnfinished))
            {
                foreach (var node in run.NodeIds.Take(1).Where(node => !done.ContainsKey((node, slot.Slot))))
                    done.Add((node, slot.Slot), run.Id);
            }
        }

        return runs;

        string? By(RedisMigration run, int slot) => run.NodeIds.Select(node => done.TryGetValue((node, slot), out var id) ? id : null).FirstOrDefault(id => id is not null);
    }

    private static List<RedisMigration> ReadAll(JournalFolder folder)
    {
        try
        {
            // A file's name is its run's id. The newest have the highest.
            var files = Directory.EnumerateFiles(folder.Runs, "*" + RunFile.Extension)
                .Where(path => RunFile.IsId(Path.GetFileNameWithoutExtension(path)))
                .OrderByDescending(Path.GetFileName, StringComparer.Ordinal)
                .Take(MostRuns)
                .ToArray();
            var atWork = ClusterLock.RunsAtWork(folder);
            return Finished(files.Select(path => RunFile.Read(path, atWork)).OfType<RedisMigration>()
                .OrderByDescending(run => run.Started).ThenByDescending(run => run.Id, StringComparer.Ordinal));
        }
        catch (DirectoryNotFoundException) when (!File.Exists(folder.Path))
        {
            return [];
        }
        // Nor is a folder that may not be looked into one without runs: "nothing ran" would be a lie.
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            throw JournalFolder.Unreadable(folder.Runs, failure);
        }
    }
}
