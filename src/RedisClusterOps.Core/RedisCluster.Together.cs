using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Plans of many slots that are carried out together.</content>
public sealed partial class RedisCluster
{
    /// <summary>True if a plan can be carried out together with others of the same operation (<see cref="RunTogetherAsync"/>).</summary>
    public static bool GoesTogether(SlotPlan plan) => BulkWays.Of(plan) != BulkWay.None;

    /// <summary>The commands of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="forMany">True if it stands for many slots with the same plan.</param>
    public static IReadOnlyList<PlannedCommand> CommandsOf(SlotPlan plan, bool forMany) => BulkWays.CommandsOf(plan, forMany);

    /// <summary>Groups plans in the order in which they are carried out.</summary>
    /// <returns>Plans that go together are one group, in the place of the first of them. Any other plan is a group of its own.</returns>
    public static IReadOnlyList<IReadOnlyList<SlotPlan>> GroupPlans(IReadOnlyList<SlotPlan> plans) => BulkWays.Groups(plans);

    /// <summary>Plans the completion of many slots. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with the source and the target that the caller expects, or null for any.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be completed has a <see cref="SlotPlan.Refusal"/>.</returns>
    public async Task<IReadOnlyList<SlotPlan>> PlanCompletionsAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var plans = await _slots.PlanNamedAsync(
            view, MigrationOperation.Complete, slots, options,
            (situation, source, target) => CompletionOf(situation, source, target, options), reveals: false, cancellation)
            .ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();
    }

    /// <summary>Plans the undo of many slots' migrations. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with the source and the target of its migration, or null for any.</param>
    /// <param name="strategy">How keys return that have already moved.</param>
    /// <param name="allowUnreachableNode">True to abandon the keys that an unreachable target may hold.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be undone has a <see cref="SlotPlan.Refusal"/>.</returns>
    public async Task<IReadOnlyList<SlotPlan>> PlanUndosAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, UndoStrategy strategy, bool allowUnreachableNode,
        MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var intents = _history.OpenIntents(view.NodeIds, slots.Select(slot => slot.Slot).ToList(), options.JournalPath);
        var plans = await _slots.PlanNamedAsync(
            view, MigrationOperation.Undo, slots, options,
            (situation, source, target) => UndoOf(situation, source, target, strategy, allowUnreachableNode, options, intents),
            reveals: true, cancellation).ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();
    }

    /// <summary>Plans to open many stable slots for a migration. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with the owner that the caller expects, or null for any, and the target.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be opened has a <see cref="SlotPlan.Refusal"/>.</returns>
    public async Task<IReadOnlyList<SlotPlan>> PlanStartsAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var plans = await _slots.PlanNamedAsync(
            view, MigrationOperation.Start, slots, options,
            (situation, source, target) => StartOf(situation, source, target!, options), reveals: false, cancellation)
            .ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();
    }

    /// <summary>Plans to make both ends of many open slots consistent. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with another target, or null to keep the target. The source is ignored.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be opened again has a <see cref="SlotPlan.Refusal"/>.</returns>
    public async Task<IReadOnlyList<SlotPlan>> PlanRestartsAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var plans = await _slots.PlanNamedAsync(
            view, MigrationOperation.Restart, slots, options,
            (situation, _, target) => RestartOf(situation, target, options), reveals: false, cancellation).ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();
    }

    /// <summary>Carries out plans together, all pairs of masters concurrently.</summary>
    /// <param name="plans">A group of <see cref="GroupPlans"/>.</param>
    /// <param name="stop">Requests a stop: the batch in progress is finished, and each slot is left in a named state.</param>
    /// <exception cref="RedisOperationException">JournalBusy, JournalUnavailable or StalePlan. Nothing was changed.</exception>
    public Task<SlotMoveRun> RunTogetherAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop) => _run.StartAsync(plans, stop);

    private StartRequest StartOf(SlotSituation situation, string? source, string target, MoveOptions options)
    {
        var (from, to) = _slots.Find(situation.View, source, target);
        var ends = MigrationEnds.Of(from ?? OwnerOf(situation.View, situation.Slot), to!);
        return new StartRequest(situation.Slot, _session, options, ends);
    }

    private RestartRequest RestartOf(SlotSituation situation, string? target, MoveOptions options)
    {
        SlotPlanner.RequireKnownFlags(situation);
        return new RestartRequest(situation.Slot, _session, options, _slots.Find(situation.View, null, target).Target?.Id);
    }

    private CompleteRequest CompletionOf(SlotSituation situation, string? source, string? target, MoveOptions options)
    {
        _slots.RequireNamed(situation, source, target);
        var (view, slot) = (situation.View, situation.Slot);
        // Repeating the command after the migration is complete is not an error.
        var owner = target is not null && SlotDiagnostician.Diagnose(situation) is null && _slots.FindTarget(view, target) is var named
            && view.OwnerOf(slot) == named.Id ? named : null;
        return new CompleteRequest(slot, _session, options, owner is null ? null : MigrationEnds.Of(owner, owner));
    }

    private UndoRequest UndoOf(
        SlotSituation situation, string? source, string? target, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options,
        IReadOnlyDictionary<int, OpenIntent> intents)
    {
        SlotPlanner.RequireKnownFlags(situation);
        var recorded = intents.TryGetValue(situation.Slot, out var intent) ? intent.Slot : null;
        var interrupted = recorded is null ? null : RecordedRequest.UndoneBy(recorded);
        var (from, to) = _slots.Find(situation.View, source, target);
        var ends = MigrationEnds.ForUndo(situation, from, to, interrupted);
        return new UndoRequest(situation.Slot, _session, options, ends, strategy, allowUnreachableNode, interrupted is not null)
        {
            SuppressedNodes = recorded?.SuppressedNodes ?? [],
        };
    }
}
