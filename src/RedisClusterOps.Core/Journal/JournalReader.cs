using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Reads the runs of one journal. Not thread-safe.</summary>
/// <remarks>Keep the reader for an invocation: it reads each file at most once, and only files that the index does not cover.</remarks>
internal sealed class JournalReader(JournalFolder folder)
{
    /// <summary>The most runs that are listed, newest first.</summary>
    public const int MostRuns = 1000;

    // A limit on the cost of a folder with foreign files.
    private const int MostFiles = 10_000;

    // The time of a folder has the resolution of the file system's clock. A listing is reused only if the folder is unchanged for longer.
    private static readonly TimeSpan FolderTimeStep = TimeSpan.FromSeconds(2);

    // A run without a write for this long probably does not continue, so its summary is added to the index.
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, RedisMigration> _whole = new(StringComparer.Ordinal);
    private readonly HashSet<string> _checked = new(StringComparer.Ordinal);
    private Dictionary<string, RunSummary>? _known;
    private (DateTime Time, bool IsSettled, IReadOnlyList<string> Ids)? _listing;

    /// <summary>Number of run files that were read so far, for tests of the cache.</summary>
    public int FilesRead { get; private set; }

    /// <summary>The runs, newest first. A missing folder has no runs.</summary>
    /// <param name="isWanted">Limits the list before any file is read.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable: the folder can't be read.</exception>
    public IReadOnlyList<RedisMigration> Read(Func<RunSummary, bool>? isWanted = null)
    {
        var runs = Summaries();
        var running = RunningIds();
        var wanted = runs.Take(MostRuns).Where(run => isWanted?.Invoke(run) != false);
        return wanted.Select(run => Whole(run, runs, running)).OfType<RedisMigration>().ToList();
    }

    /// <summary>The run with this id, or the only run whose id starts with it.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound: no run matches, or several do. JournalUnavailable.</exception>
    public RedisMigration Find(string idOrPrefix)
    {
        var runs = Summaries();
        var found = runs.Where(run => run.Id.StartsWith(idOrPrefix, StringComparison.OrdinalIgnoreCase)).ToList();
        if (found.Count == 1 && idOrPrefix.Length > 0 && Whole(found[0], runs, RunningIds()) is { } only)
            return only;
        var name = "'" + Printable.Clean(idOrPrefix, 60) + "'";
        var some = string.Join(", ", found.Take(5).Select(run => run.Id)) + (found.Count > 5 ? ", …" : string.Empty);
        throw new RedisOperationException(
            FailureCode.MigrationNotFound,
            found.Count < 2 && (found.Count == 0 || idOrPrefix.Length > 0)
                ? "The journal in '" + Printable.Clean(folder.Path) + "' has no run " + name + "."
                : "The ids of several runs start with " + name + ": " + some + ".",
            idOrPrefix,
            new NextAction(NextActionCode.ShowRuns));
    }

    /// <summary>
    /// The newest run on a cluster that can be resumed: it is not running and left slots that no later run has finished. Null if there is
    /// none.
    /// </summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public RedisMigration? FindResumable(Func<string, bool> isNode)
    {
        var runs = Summaries();
        var running = RunningIds();
        var candidates = runs.Where(run => run.NodeIds.Any(isNode) && run.Left.Count > 0);
        return candidates.Select(run => Whole(run, runs, running)).FirstOrDefault(run => run is { IsResumable: true });
    }

    /// <summary>For each slot, the newest run that opened the slot and did not finish it.</summary>
    /// <param name="nodeIds">The nodes of the cluster. A run belongs to it if they have a node in common, because nodes are added and
    /// removed.</param>
    /// <param name="slots">The slots to find; null for all.</param>
    /// <param name="own">The run of this invocation, whose file is not read.</param>
    /// <remarks>
    /// The journal knows only its own runs. Compare source and target with the cluster: another tool may have changed the slot.
    /// </remarks>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public IReadOnlyDictionary<int, OpenIntent> OpenIntents(
        IEnumerable<string> nodeIds, IReadOnlyCollection<int>? slots = null, RunJournal? own = null)
    {
        var cluster = new HashSet<string>(nodeIds, StringComparer.Ordinal);
        var search = new OpenIntentSearch(slots, own);
        foreach (var run in Summaries(except: own?.Id).Where(run => run.NodeIds.Any(cluster.Contains)))
        {
            if (search.IsDone)
                break;
            search.Add(run);
        }

        HashSet<string>? running = null;
        return search.Intents((summary, slot) =>
        {
            var ids = summary.HasEnded ? [] : running ??= RunningIds();
            var found = Whole(summary, ids)?.Slots.FirstOrDefault(one => one.Slot == slot);
            return found is null ? null : (found, ids.Contains(summary.Id));
        });
    }

    /// <summary>A summary of each run, newest first.</summary>
    /// <param name="except">A run to leave out.</param>
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
        // A folder that can't be read is not the same as an empty folder.
        catch (Exception failure) when (WholeFile.IsFileError(failure))
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
        // A run writes nothing after its end.
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

    private RedisMigration? Whole(RunSummary summary, ICollection<string> running)
    {
        if (summary.HasEnded && _whole.TryGetValue(summary.Id, out var known))
            return known;
        FilesRead++;
        if (RunFile.Read(PathOf(summary.Id), running) is not { } read)
            return null;
        // A run that may still write is read again by the next caller.
        if (summary.HasEnded && _whole.Count < MostFiles)
            _whole[summary.Id] = read;
        return read;
    }

    // A later run may have finished what this one left, and restored what this one changed.
    private RedisMigration? Whole(RunSummary summary, IReadOnlyList<RunSummary> newestFirst, ICollection<string> running)
    {
        if (Whole(summary, running) is not { } run)
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
                SuppressedNodes = slot.SuppressedNodes.Any(restored.Contains)
                    ? [.. slot.SuppressedNodes.Where(node => !restored.Contains(node))]
                    : slot.SuppressedNodes,
            })],
        };
    }

    private HashSet<string> RunningIds()
    {
        try
        {
            return ClusterLock.RunningIds(folder);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw JournalFolder.Unreadable(folder.Locks, failure);
        }
    }
}
