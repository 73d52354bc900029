using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Runs in the journal: list, resume and undo them.</content>
public sealed partial class RedisCluster
{
    /// <summary>Gets the runs in the journal, newest first.</summary>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="id">The id of a run, or its unique beginning; null for all runs.</param>
    /// <exception cref="RedisOperationException">MigrationNotFound; JournalUnavailable: the folder can't be read.</exception>
    public static IReadOnlyList<RedisMigration> GetMigrations(string? journalPath, string? id)
    {
        var history = new JournalReader(JournalFolder.At(journalPath));
        return id is null ? history.Read() : [history.Find(id)];
    }

    /// <summary>Plans to resume a run: a plan for each slot that is not done. Changes nothing.</summary>
    /// <param name="migrationId">The run; null for the newest run on this cluster that can be resumed.</param>
    /// <returns>Nothing if no run can be resumed: an open slot without a run was opened by another tool.</returns>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanResumeAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (_history.Find(view, migrationId, options.JournalPath) is not { } run)
            return [];
        _run.EarlierMasterOfReplica = run.MasterOfReplica;
        var left = run.Slots.Where(slot => slot.Outcome is null or MigrationOutcome.Failed).ToList();
        var slots = left.Select(slot => slot.Slot).ToList();
        var plans = await _slots.PlanAsync(view, slots, Resume, cancellation).ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();

        SlotRequest Resume(SlotSituation situation) =>
            RecordedRequest.Resume(left.First(slot => slot.Slot == situation.Slot), _session, options);
    }

    /// <summary>Plans to undo a run: each slot that it opened returns to its previous owner, the last slot first.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanUndoOfRunAsync(
        string migrationId, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var run = _history.Find(view, migrationId, options.JournalPath)!;
        _run.EarlierMasterOfReplica = run.MasterOfReplica;
        var opened = run.Slots
            .Where(slot => slot.Since is not null && slot.OwnerId is not null)
            .OrderByDescending(slot => slot.Since)
            // Slots of one window began together.
            .ThenByDescending(slot => slot.Slot)
            .ToList();
        var plans = await _slots.PlanAsync(view, opened.Select(slot => slot.Slot).ToList(), Undo, cancellation).ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();

        SlotRequest Undo(SlotSituation situation)
        {
            var recorded = opened.First(slot => slot.Slot == situation.Slot);
            return RecordedRequest.Undo(view, recorded, _session, strategy, allowUnreachableNode, options);
        }
    }
}
