using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps;

/// <content>Moves of whole slots, many at a time: checks them, carries them out, resumes them and undoes them.</content>
public sealed partial class RedisCluster
{
    /// <summary>Checks whether the moves of a plan can be carried out. Changes nothing.</summary>
    /// <returns>The plan, with the findings of the checks.</returns>
    /// <exception cref="RedisOperationException">StalePlan, or the reason why the plan can't be carried out.</exception>
    public async Task<RedisRebalancePlan> CheckMovesAsync(RedisRebalancePlan plan, MoveOptions options, CancellationToken cancellation)
    {
        var found = await _moves.CheckAsync(plan, Kept(plan, options), cancellation).ConfigureAwait(false);
        return found with { Findings = WithAdvice(found.Findings).Distinct().ToList() };
    }

    /// <summary>The outcomes of slots that a plan can't move any more, as when their target has left the cluster.</summary>
    public static IReadOnlyList<SlotOutcome> SettledBy(RedisRebalancePlan plan) => plan.Settled;

    /// <summary>The commands that a move sends for its first slot, or for all slots if the servers move them themselves.</summary>
    /// <param name="move">A move of a plan that was checked (<see cref="CheckMovesAsync"/>).</param>
    public static IReadOnlyList<PlannedCommand> CommandsOf(RedisSlotMove move) =>
        move.SlotCount > 1 ? BulkWays.ForMany(move.Commands) : move.Commands;

    /// <summary>Carries out moves of a plan, all pairs concurrently.</summary>
    /// <param name="moves">The moves of the plan that the user agreed to.</param>
    /// <param name="stop">
    /// Requests a stop: the batch in progress is moved, slots without keys are handed over, and slots that have not started stay unchanged.
    /// </param>
    /// <exception cref="RedisOperationException">
    /// StalePlan; JournalBusy: another run is in progress on the cluster; JournalUnavailable. Nothing was changed.
    /// </exception>
    public async Task<SlotMoveRun> RunMovesAsync(
        RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves, MoveOptions options, CancellationToken stop)
    {
        options = Kept(plan, options);
        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        await _moves.RequireFreshAsync(plan, view, options, stop).ConfigureAwait(false);
        _run.EarlierMasterOfReplica = plan.MasterOfReplica;
        if (await _run.BeginAsync(plan.Kind, RedisMigration.Whole, view, options, stop).ConfigureAwait(false))
        {
            // Another run may have ended between the reading and the announcement.
            view = await _reader.ReadAgainAsync(stop).ConfigureAwait(false);
            PlanFreshness.RequireFresh(plan, view);
        }

        var settled = plan.Settled.Where(outcome => outcome.Failure is null).Select(outcome => (outcome.Result, (FailureCode?)null));
        if (_run.Journal?.Outcomes(settled.ToList()) is { } warning)
            _log?.Warning(null, warning);
        var pairs = MasterPair.Of(view, plan, moves);
        var masterOfReplica = view.MasterOfReplicaSince(plan.MasterOfReplica);
        var move = BulkMove.Of(plan.Kind, _session, options, masterOfReplica) with { SuppressedNodes = plan.SuppressedNodes };
        return _run.Start(view, move, pairs, options, stop);
    }

    /// <summary>Plans the rest of a run that moves whole slots.</summary>
    /// <param name="migrationId">The run; null for the newest run on this cluster that can be resumed.</param>
    /// <returns>Null if the run moves slots individually: see <see cref="PlanResumeAsync"/>.</returns>
    /// <exception cref="RedisOperationException">
    /// MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress), NodeNotFound.
    /// </exception>
    public async Task<RedisRebalancePlan?> PlanResumeOfMovesAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return _history.Find(view, migrationId, options.JournalPath) is { MovesWholeSlots: true } run
            ? WithAdvice(new ContinuationPlanner(view, options.Method, _session).Resume(run))
            : null;
    }

    /// <summary>Plans the undo of a run that moved whole slots: each slot that it began with moves back to its former owner.</summary>
    /// <returns>Null if the run moved slots individually: see <see cref="PlanUndoOfRunAsync"/>.</returns>
    /// <exception cref="RedisOperationException">
    /// MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress), NodeNotFound.
    /// </exception>
    public async Task<RedisRebalancePlan?> PlanUndoOfMovesAsync(string migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return _history.Find(view, migrationId, options.JournalPath) is { MovesWholeSlots: true } run
            ? WithAdvice(new ContinuationPlanner(view, options.Method, _session).Undo(run))
            : null;
    }

    /// <summary>Plans to move these slots, or the rest of each if it is partly moved.</summary>
    internal async Task<RedisRebalancePlan> PlanRestOfMovesAsync(
        MigrationOperation operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots, MoveOptions options,
        CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return WithAdvice(new ContinuationPlanner(view, options.Method, _session).Plan(operation, slots));
    }

    private static MoveOptions Kept(RedisRebalancePlan plan, MoveOptions options) =>
        options with { KeepEmptyMaster = options.KeepEmptyMaster || plan.KeepsEmptyMaster };
}
