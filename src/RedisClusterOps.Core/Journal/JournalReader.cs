using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>The runs of one journal. Keep it for an invocation: it reads each file at most once, and only files that the index does not cover. Not thread-safe.</summary>
internal sealed class JournalReader(JournalFolder folder)
{
    /// <summary>The most runs that are listed, newest first.</summary>
    public const int MostRuns = 1000;

    // Bounds what a folder of foreign files can cost.
    private const int MostFiles = 10_000;

    // A folder's time is as coarse as its file system's clock. A listing is reused only if the folder was left alone for longer than that.
    private static readonly TimeSpan FolderTimeStep = TimeSpan.FromSeconds(2);

    // A run that wrote less recently is not expected to go on, so its summary is worth keeping.
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, RedisMigration> _whole = new(StringComparer.Ordinal);
    private readonly HashSet<string> _checked = new(StringComparer.Ordinal);
    private Dictionary<string, RunSummary>? _known;
    private (DateTime Time, bool IsSettled, IReadOnlyList<string> Ids)? _listing;

    /// <summary>Files of runs that were read so far, for tests of the cache.</summary>
    public int FilesRead { get; private set; }

    /// <summary>The runs, newest first. A folder that does not exist has none.</summary>
    /// <param name="isWanted">Limits the list before any file is read.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable: the folder can't be read.</exception>
    public IReadOnlyList<RedisMigration> Read(Func<RunSummary, bool>? isWanted = null)
    {
        var runs = Summaries();
        var atWork = AtWork();
        return runs.Take(MostRuns).Where(run => isWanted?.Invoke(run) != false).Select(run => Whole(run, runs, atWork)).OfType<RedisMigration>().ToList();
    }

    /// <summary>The run with this id, or the only one whose id begins so.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound: no run has it, or several begin so. JournalUnavailable.</exception>
    public RedisMigration Find(string idOrPrefix)
    {
        var runs = Summaries();
        var found = runs.Where(run => run.Id.StartsWith(idOrPrefix, StringComparison.OrdinalIgnoreCase)).ToList();
        if (found.Count == 1 && idOrPrefix.Length > 0 && Whole(found[0], runs, AtWork()) is { } only)
            return only;
        var name = "'" + Printable.Clean(idOrPrefix, 60) + "'";
        throw new RedisOperationException(
            FailureCode.MigrationNotFound,
            found.Count < 2 && (found.Count == 0 || idOrPrefix.Length > 0)
                ? "The journal in '" + Printable.Clean(folder.Path) + "' has no run " + name + "."
                : "Several runs begin with " + name + ": " + string.Join(", ", found.Take(5).Select(run => run.Id)) + (found.Count > 5 ? ", …" : string.Empty) + ".",
            idOrPrefix,
            new NextAction(NextActionCode.ShowRuns));
    }

    /// <summary>The newest run on a cluster that left slots which no later run has finished, and that is not running; null if there is none.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public RedisMigration? FindResumable(Func<string, bool> isNode)
    {
        var runs = Summaries();
        var atWork = AtWork();
        return runs.Where(run => run.NodeIds.Any(isNode) && run.Left.Count > 0).Select(run => Whole(run, runs, atWork)).FirstOrDefault(run => run is { IsResumable: true });
    }

    /// <summary>Per slot, the newest run that took the slot up and did not finish it.</summary>
    /// <param name="nodeIds">The cluster: a run belongs to it if they have a node in common, for nodes come and go.</param>
    /// <param name="slots">Only these; null for all.</param>
    /// <param name="own">The run of this invocation. What it has written is known without reading its file.</param>
    /// <remarks>The journal knows only its own runs. Compare the ends with the cluster's: another tool may have changed the slot since.</remarks>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public IReadOnlyDictionary<int, OpenIntent> OpenIntents(IEnumerable<string> nodeIds, IReadOnlyCollection<int>? slots = null, RunJournal? own = null)
    {
        var cluster = new HashSet<string>(nodeIds, StringComparer.Ordinal);
        var search = new OpenIntentSearch(slots, own);
        foreach (var run in Summaries(except: own?.Id).Where(run => run.NodeIds.Any(cluster.Contains)))
        {
            if (search.IsDone)
                break;
            search.Add(run);
        }

        HashSet<string>? atWork = null;
        return search.Intents((summary, slot) =>
        {
            var runs = summary.HasEnded ? [] : atWork ??= AtWork();
            return Whole(summary, runs)?.Slots.FirstOrDefault(one => one.Slot == slot) is { } found ? (found, runs.Contains(summary.Id)) : null;
        });
    }

    /// <summary>A summary of each run, newest first.</summary>
    /// <param name="except">A run whose file is not to be read.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public IReadOnlyList<RunSummary> Summaries(string? except = null)
    {
        try
        {
            var learned = false;
            var runs = Ids().Where(id => id != except).Select(id => Current(id, ref learned)).OfType<RunSummary>().ToList();
            if (learned)
                RunIndex.Save(folder, runs.Where(run => _checked.Contains(run.Id)));
            return [.. runs.OrderByDescending(run => run.Started).ThenByDescending(run => run.Id, StringComparer.Ordinal)];
        }
        catch (DirectoryNotFoundException) when (!File.Exists(folder.Path))
        {
            return [];
        }
        // A folder that may not be read is not one without runs.
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            throw JournalFolder.Unreadable(folder.Runs, failure);
        }
    }

    private string PathOf(string id) => Path.Combine(folder.Runs, id + RunFile.Extension);

    // A file's name is its run's id.
    private IReadOnlyList<string> Ids()
    {
        var time = Directory.GetLastWriteTimeUtc(folder.Runs);
        if (_listing is { IsSettled: true } listing && listing.Time == time)
            return listing.Ids;
        var isSettled = DateTime.UtcNow - time > FolderTimeStep;
        var ids = Directory.EnumerateFiles(folder.Runs, "*" + RunFile.Extension)
            .Select(Path.GetFileNameWithoutExtension)
            .Where(RunFile.IsId)
            .OrderByDescending(id => id, StringComparer.Ordinal)
            .Take(MostFiles)
            .ToList();
        _listing = (time, isSettled, ids);
        return ids;
    }

    private RunSummary? Current(string id, ref bool learned)
    {
        _known ??= RunIndex.Load(folder);
        _known.TryGetValue(id, out var known);
        // Nothing is written after a run's end.
        if (known is { HasEnded: true } && _checked.Contains(id))
            return known;
        var file = new FileInfo(PathOf(id));
        if (known is not null && file.Exists && known.Length == file.Length && known.Written == file.LastWriteTimeUtc)
        {
            _checked.Add(id);
            return known;
        }

        _known.Remove(id);
        _whole.Remove(id);
        _checked.Remove(id);
        FilesRead++;
        if (RunFile.Summarize(file, out var isReadable) is not { } summary)
            return null;
        if (!isReadable)
            return summary;
        _known[id] = summary;
        _checked.Add(id);
        learned |= summary.HasEnded || DateTime.UtcNow - summary.Written > Idle;
        return summary;
    }

    private RedisMigration? Whole(RunSummary summary, ICollection<string> atWork)
    {
        if (summary.HasEnded && _whole.TryGetValue(summary.Id, out var known))
            return known;
        FilesRead++;
        if (RunFile.Read(PathOf(summary.Id), atWork) is not { } read)
            return null;
        // A run that still writes is read again by whoever asks next; of the others one is enough.
        if (summary.HasEnded && _whole.Count < MostFiles)
            _whole[summary.Id] = read;
        return read;
    }

    // A later run may have finished what this one left, and restored what this one changed.
    private RedisMigration? Whole(RunSummary summary, IReadOnlyList<RunSummary> newestFirst, ICollection<string> atWork)
    {
        if (Whole(summary, atWork) is not { } run)
            return null;
        if (run.Slots.All(slot => slot.IsDone && slot.SuppressedNodes.Count == 0))
            return run;
        var nodes = new HashSet<string>(run.NodeIds, StringComparer.Ordinal);
        var later = newestFirst.TakeWhile(one => one.Id != run.Id).ToList();
        var finishers = later.Where(one => one.NodeIds.Count > 0 && nodes.Contains(one.NodeIds[0])).ToList();
        var restored = new HashSet<string>(later.SelectMany(one => one.Restored), StringComparer.Ordinal);
        return run with
        {
            Slots = [.. run.Slots.Select(slot => slot with
            {
                FinishedBy = slot.IsDone ? null : finishers.FirstOrDefault(one => one.HasDone(slot.Slot))?.Id,
                SuppressedNodes = slot.SuppressedNodes.Any(restored.Contains) ? [.. slot.SuppressedNodes.Where(node => !restored.Contains(node))] : slot.SuppressedNodes,
            })],
        };
    }

    private HashSet<string> AtWork()
    {
        try
        {
            return ClusterLock.RunsAtWork(folder);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            throw JournalFolder.Unreadable(folder.Locks, failure);
        }
    }
}
