using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps;

/// <content>Operations on slots: first a plan, which only reads, then the run of the plan.</content>
public sealed partial class RedisCluster
{
    /// <summary>Plans the completion of a slot's migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The source that the caller expects; null for any.</param>
    /// <param name="target">The target that the caller expects; null for any.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, SourceNotEmpty, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if the named target already owns the slot.</returns>
    public Task<SlotPlan> PlanCompletionAsync(
        int slot, string? source, string? target, MoveOptions options, CancellationToken cancellation) =>
        OnlyAsync(PlanCompletionsAsync([(slot, source, target)], options, cancellation));

    /// <summary>Plans a move of keys of an open slot. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The source that the caller expects; null for any.</param>
    /// <param name="target">The target that the caller expects; null for any.</param>
    /// <param name="first">The most keys to move, 1 or more; null for all.</param>
    /// <param name="keys">Only these keys, as UTF-8; null for any. Names with the same bytes are one key.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">KeyNotInSlot, or as <see cref="PlanCompletionAsync"/>.</exception>
    public async Task<SlotPlan> PlanKeyMoveAsync(
        int slot, string? source, string? target, int? first, IReadOnlyList<string>? keys, MoveOptions options,
        CancellationToken cancellation)
    {
        foreach (var key in keys ?? [])
        {
            if (LocateKey(key).Slot is var actual && actual != slot)
            {
                var shown = Printable.Clean(Printable.Quote(Encoding.UTF8.GetBytes(key)), 200);
                throw new RedisOperationException(
                    FailureCode.KeyNotInSlot,
                    "Key " + shown + " hashes to slot " + Number(actual) + ", not to " + Number(slot) + ".",
                    key,
                    new NextAction(NextActionCode.FindSlotOfKey));
            }
        }

        // A key that is named twice counts once for the limit, too.
        var named = keys?.Select(Encoding.UTF8.GetBytes).Distinct(KeyBytes.Comparer).Take(first ?? int.MaxValue).ToList();
        var situation = await _slots.ReadNamedAsync(slot, source, target, cancellation).ConfigureAwait(false);
        var request = new KeyMoveRequest(slot, _session, options, first, named);
        return WithAdvice(await _slots.PlanAsync(request, situation, cancellation).ConfigureAwait(false));
    }

    /// <summary>Plans to open a stable slot for a migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The owner that the caller expects; null for any.</param>
    /// <param name="target">The master that the slot will move to.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if the slot is already open between these masters.</returns>
    public Task<SlotPlan> PlanStartAsync(
        int slot, string? source, string target, MoveOptions options, CancellationToken cancellation) =>
        OnlyAsync(PlanStartsAsync([(slot, source, target)], options, cancellation));

    /// <summary>Plans to make both ends of an open slot consistent. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="target">Another target, which is possible while no key has moved; null to keep the target.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if both ends are consistent.</returns>
    public Task<SlotPlan> PlanRestartAsync(int slot, string? target, MoveOptions options, CancellationToken cancellation) =>
        OnlyAsync(PlanRestartsAsync([(slot, null, target)], options, cancellation));

    /// <summary>Plans the undo of a slot's migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The migration's source, which the slot returns to; null for any.</param>
    /// <param name="target">The migration's target; null for any.</param>
    /// <param name="strategy">How keys return that have already moved.</param>
    /// <param name="allowUnreachableNode">True to abandon the keys that an unreachable target may hold.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    public Task<SlotPlan> PlanUndoAsync(
        int slot, string? source, string? target, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options,
        CancellationToken cancellation) =>
        OnlyAsync(PlanUndosAsync([(slot, source, target)], strategy, allowUnreachableNode, options, cancellation));

    /// <summary>Plans the repair of slots: one plan for each slot with a problem. Reads and checks, changes nothing.</summary>
    /// <param name="repair">What the repair may change and decide.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>
    /// The plans. If only a person can decide, a plan has no commands but a <see cref="SlotPlan.Refusal"/> with the choices.
    /// </returns>
    /// <exception cref="RedisOperationException">
    /// NodeNotFound or AmbiguousNode of the named target, or the cluster can't be read.
    /// </exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanRepairAsync(RepairOptions repair, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = _slots.Find(view, null, repair.Target).Target?.Id;
        var plans = await _slots.PlanRepairAsync(view, repair, chosen, options, cancellation).ConfigureAwait(false);
        return plans.Select(WithAdvice).ToList();
    }

    /// <summary>Carries out any plan except that of a move of keys. Each step is derived again from the state of the cluster.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stop">Requests a stop: the current batch is finished, and the slot is left in a named state.</param>
    /// <returns>
    /// Success only if every reachable node agrees on the owner and no master has the slot open, or, after a start or restart, if both ends
    /// are consistent.
    /// </returns>
    /// <exception cref="RedisOperationException">
    /// JournalBusy: another run is in progress on the cluster. JournalUnavailable: the journal can't be written. Nothing was changed.
    /// </exception>
    public Task<SlotOutcome> CarryOutAsync(SlotPlan plan, CancellationToken stop) => _run.CarryOutAsync(plan, stop);

    /// <summary>Records all slots of a run in the journal, so that it can be resumed as a whole.</summary>
    /// <exception cref="RedisOperationException">JournalBusy, AnotherToolAtWork or JournalUnavailable. Nothing was changed.</exception>
    /// <returns>The number of recorded slots: 0 if there are fewer than two.</returns>
    public Task<int> RecordPlansAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop) => _run.RecordAsync(plans, stop);

    /// <summary>Moves keys of an open slot from its source to its target. The slot stays open.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stop">Requests a stop: the current batch is finished.</param>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable. Nothing was changed.</exception>
    public Task<KeyMoveOutcome> MoveKeysAsync(SlotPlan plan, CancellationToken stop) => _run.MoveKeysAsync(plan, stop);

    private static async Task<SlotPlan> OnlyAsync(Task<IReadOnlyList<SlotPlan>> plans)
    {
        var plan = (await plans.ConfigureAwait(false)).Single();
        return plan.Refusal is { } refusal ? throw refusal : plan;
    }

    private SlotPlan WithAdvice(SlotPlan plan) => plan with { Findings = WithAdvice(plan.Findings) };
}
