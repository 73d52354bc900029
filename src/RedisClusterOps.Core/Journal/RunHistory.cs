using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps.Journal;

/// <summary>The runs on a cluster as one invocation reads them: which one left a slot open, and which one can be resumed.</summary>
/// <remarks>
/// The reader of a journal is kept, so that files are not parsed for each slot of a pipeline. A lookup that only adds to what the cluster
/// reports ignores a journal that can't be read: the state of the cluster is sufficient.
/// </remarks>
internal sealed class RunHistory
{
    private (string Path, JournalReader Reader)? _reader;

    /// <summary>False to read and write no journal, as in a simulation.</summary>
    public bool KeepsJournal { get; set; } = true;

    /// <summary>The run of this invocation, from its first change on; null before. Its file is not read.</summary>
    public RunJournal? Own { get; set; }

    /// <summary>Reads the journal of a folder.</summary>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable: the path is invalid.</exception>
    public JournalReader In(string? journalPath)
    {
        var folder = JournalFolder.At(journalPath);
        if (_reader is not { } kept || kept.Path != folder.Path)
            _reader = kept = (folder.Path, new JournalReader(folder));
        return kept.Reader;
    }

    /// <summary>All runs on the cluster, newest first.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public IReadOnlyList<RedisMigration> On(ClusterView view, string? journalPath) =>
        In(journalPath).Read(run => run.NodeIds.Any(node => view.Node(node) is not null));

    /// <summary>For each slot, the newest run that opened the slot and did not finish it.</summary>
    /// <param name="nodeIds">The nodes of the cluster.</param>
    public IReadOnlyDictionary<int, OpenIntent> OpenIntents(
        IEnumerable<string> nodeIds, IReadOnlyCollection<int> slots, string? journalPath) => slots.Count == 0
        ? new Dictionary<int, OpenIntent>()
        : Optional<IReadOnlyDictionary<int, OpenIntent>>(
            new Dictionary<int, OpenIntent>(), () => In(journalPath).OpenIntents(nodeIds, slots, Own));

    /// <summary>True if a run began with the slot of a plan and recorded no end, as a run that was killed at its very end.</summary>
    public bool IsLeftOpen(SlotPlan plan) =>
        OpenIntents(plan.Nodes, [plan.Slot], plan.Options.JournalPath).TryGetValue(plan.Slot, out var intent)
        && intent.Slot.Outcome != MigrationOutcome.Restarted;

    /// <summary>True if the flags of a slot are those of the run. Another tool may have opened it between other masters since.</summary>
    public static bool IsOpenAs(RedisMigrationSlot slot, ClusterView view) => view.FlagsOf(slot.Slot).All(flag =>
        (flag.NodeId == slot.SourceId && flag.PeerId == slot.TargetId) || (flag.NodeId == slot.TargetId && flag.PeerId == slot.SourceId));

    /// <summary>The nodes that are no masters now, and were the source or target of slots in a run.</summary>
    public IReadOnlyList<ClusterNode> FormerMasters(ClusterView view, string? journalPath) => Optional<IReadOnlyList<ClusterNode>>([], () =>
    {
        var ends = On(view, journalPath).SelectMany(run => run.Slots).SelectMany(slot => new[] { slot.SourceId, slot.TargetId }).ToList();
        return view.Nodes.Where(node => !node.IsMaster && ends.Contains(node.Id)).ToList();
    });

    /// <summary>The newest run that removed a node of this name, which no node lists any more; null if there is none.</summary>
    /// <param name="name">An id, the beginning of an id, an address, or a port.</param>
    public RedisMigration? RemovalOf(ClusterView view, string name, string? journalPath) => Optional<RedisMigration?>(
        null, () => On(view, journalPath).FirstOrDefault(run => run is { Kind: MigrationOperation.RemoveNode, ChangedNodeId: { } id }
            && view.Node(id) is null && NodeNames.Matches(id, [run.ChangedNode ?? string.Empty], name)));

    /// <summary>Finds a run to resume or to undo.</summary>
    /// <param name="id">The id of the run, or its unique beginning; null for the newest that can be resumed.</param>
    /// <returns>Null if no run can be resumed.</returns>
    /// <exception cref="RedisOperationException">
    /// MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress), InvalidArgument (the run moved no slots).
    /// </exception>
    public RedisMigration? Find(ClusterView view, string? id, string? journalPath)
    {
        var run = id is null ? NewestResumable(view, journalPath) : In(journalPath).Find(id);
        if (run is { IsRunning: true })
        {
            throw new RedisOperationException(
                FailureCode.JournalBusy,
                "Run " + run.Id + " is in progress in process " + run.ProcessId + " on " + run.Host + ".",
                run.Id,
                new NextAction(NextActionCode.ShowRunningRuns));
        }

        if (run is { Commands.Count: > 0 })
        {
            throw new RedisOperationException(
                FailureCode.InvalidArgument,
                "Run " + run.Id + " (" + run.Operation + ") changed nodes, not slots: it is not resumed or undone by its id.",
                run.Id,
                NextAction.Advise("run its command again: it reads the nodes and continues"));
        }

        if (run is not null && !run.NodeIds.Any(node => view.Node(node) is not null))
        {
            throw new RedisOperationException(
                FailureCode.MigrationNotFound,
                "Run " + run.Id + " was on another cluster (" + string.Join(", ", run.Seeds) + ").",
                run.Id,
                new NextAction(NextActionCode.ShowRuns));
        }

        return run;
    }

    /// <summary>
    /// A refusal because of open slots. If a run left them open, its resume is the next action: a killed run is resumed, not repeated.
    /// </summary>
    public RedisOperationException NamingRun(RedisOperationException refusal, ClusterView view, string? journalPath)
    {
        if (refusal.OpenSlots is not { } open)
            return refusal;
        var newest = OpenIntents(view.NodeIds, [.. open.Slots], journalPath).Values
            .Where(intent => !intent.IsRunning && IsOpenAs(intent.Slot, view))
            .GroupBy(intent => intent.RunId).OrderByDescending(run => run.Key, StringComparer.Ordinal).FirstOrDefault();
        if (newest is null)
            return refusal;
        var slots = SlotSet.From(newest.Select(intent => intent.Slot.Slot));
        var what = newest.First().Slot.Operation + " run " + newest.Key + " left " + PlanRefusal.Some(slots) + " open.";
        return Resuming(refusal, what, newest.Key, journalPath);
    }

    /// <summary>The refusal of a stale plan if a run of this very plan was killed: its resume is the next action. Otherwise null.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public RedisOperationException? StaleByRun(
        RedisOperationException stale, RedisRebalancePlan plan, ClusterView view, string? journalPath)
    {
        if (!KeepsJournal || NewestResumable(view, journalPath) is not { MovesWholeSlots: true } run)
            return null;
        var planned = new HashSet<int>(plan.Moves.SelectMany(move => SlotSet.From(move.Ranges).Slots));
        return run.Slots.Any(slot => planned.Contains(slot.Slot))
            ? Resuming(
                stale, run.Operation + " run " + run.Id + " has moved a part of these slots and can be resumed.", run.Id, journalPath)
            : null;
    }

    /// <summary>The refusal if a run on this machine is changing the cluster; null if there is none.</summary>
    public RedisOperationException? RefusalByLock(IReadOnlyList<string> nodeIds, string? journalPath) => KeepsJournal
        ? ClusterLock.Refusal(JournalFolder.ForLocks(JournalFolder.At(journalPath)), nodeIds)
        : null;

    /// <summary>Another run of this module is detected as another tool, too, but its lock says more about it.</summary>
    public RedisOperationException RefusalOfOwnRun(
        RedisOperationException refusal, IReadOnlyList<string> nodeIds, string? journalPath) =>
        refusal.Code == FailureCode.AnotherToolAtWork ? RefusalByLock(nodeIds, journalPath) ?? refusal : refusal;

    private RedisMigration? NewestResumable(ClusterView view, string? journalPath) =>
        In(journalPath).FindResumable(node => view.Node(node) is not null);

    private static RedisOperationException Resuming(RedisOperationException refusal, string what, string runId, string? journalPath) => new(
        refusal.Code,
        refusal.Message + " " + what,
        refusal.Subject,
        new NextAction(NextActionCode.Resume) { MigrationId = runId, JournalPath = journalPath },
        refusal);

    private T Optional<T>(T nothing, Func<T> read)
    {
        if (!KeepsJournal)
            return nothing;
        try
        {
            return read();
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            return nothing;
        }
    }
}
