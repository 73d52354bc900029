using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Makes one master the owner of many slots that no reachable node owns: its epoch is raised once, and the slots are assigned in ranges.
/// Slots that need more than that, such as those with keys on other masters, are repaired individually afterwards.
/// </summary>
/// <param name="session">The connection settings of the cluster.</param>
/// <param name="reader">Reads the cluster.</param>
/// <param name="situations">Counts keys.</param>
/// <param name="plans">Plans for which <see cref="IsAdoption"/> is true, all with the same source and target.</param>
/// <param name="entry">The journal entry of the slots.</param>
/// <param name="journal">The journal; null for none.</param>
/// <param name="log">The log; null for none.</param>
/// <param name="stop">Requests a stop. It is disposed at the end.</param>
/// <param name="stopping">The caller's token.</param>
internal sealed class BulkAdoption(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, IReadOnlyList<SlotPlan> plans, SlotEntry entry,
    RunJournal? journal, OperationLog? log, StopRequest stop, CancellationToken stopping)
{
    private const int Window = 500;
    private const int MostAttempts = 3;

    private readonly SlotMoveRun _run = new(journal?.Id);
    private readonly TimeSpan _started = reader.Clock.Now;
    private int _reported;

    /// <summary>True if a plan only assigns a slot that no reachable node owns.</summary>
    public static bool IsAdoption(SlotPlan plan) =>
        plan is { Request: RepairRequest, Refusal: null } && plan.Actions.Any(action => action is AddUnownedSlot or TakeFromUnreachable);

    public SlotMoveRun Start()
    {
        _ = RunAsync();
        return _run;
    }

    private async Task RunAsync()
    {
        try
        {
            var left = plans;
            // Members may change after the reading: on Redis 7.2 and later a FORGET spreads, and the next node refuses the id of the former
            // owner. To plan all slots again takes no longer than one slot.
            for (var attempt = 0; attempt < MostAttempts && left.Count > 0; attempt++)
                left = await AdoptAsync(left).ConfigureAwait(false);
            foreach (var plan in left)
                Report([(await RunIndividuallyAsync(plan).ConfigureAwait(false))]);
            _run.End(null, null);
        }
        catch (Exception failure)
        {
            var known = failure as RedisOperationException;
            _run.End(
                stopping.IsCancellationRequested ? Stopped() : null,
                known is null ? failure : RunResume.Of(known, journal?.Id, plans[0].Options));
        }
        finally
        {
            stop.Dispose();
        }
    }

    private async Task<SlotOutcome> RunIndividuallyAsync(SlotPlan plan) =>
        await new SlotRunner(session, reader, situations, plan, new KeyTally(), log).RunAsync(stopping).ConfigureAwait(false);

    /// <returns>The plans that are not done.</returns>
    private async Task<IReadOnlyList<SlotPlan>> AdoptAsync(IReadOnlyList<SlotPlan> waiting)
    {
        var view = await reader.ReadAsync(null, stop.Abort).ConfigureAwait(false);
        var now = await PlanAgainAsync(view, waiting).ConfigureAwait(false);
        var ready = waiting.Where(plan => now[plan.Slot] is { } again && IsAdoption(again) && again.TargetId == plan.TargetId).ToList();
        if (ready.Count == 0)
            return waiting;
        var owner = view.Node(ready[0].TargetId)!;
        IReadOnlyList<ClusterNode> witnesses = [.. view.Nodes.Where(node => node.IsReachable)];
        var epoch = new WinningEpoch(reader, log);
        journal?.Intend(entry, ready.Select(plan => plan.Slot));
        await epoch.EnsureAsync(owner, witnesses, null, stop).ConfigureAwait(false);
        var actions = ready.Select(plan => now[plan.Slot]!.Actions.First(action => action is AddUnownedSlot or TakeFromUnreachable))
            .ToList();
        await SendAsync(owner, Commands(owner, actions)).ConfigureAwait(false);
        await epoch.EnsureAsync(owner, witnesses, null, stop).ConfigureAwait(false);
        // A refused command leaves its slot without an owner, so no other node is sent this one. It is planned again.
        var owned = (await reader.ReadNodeAsync(owner, stop.Abort).ConfigureAwait(false)).Self.Slots;
        ready = ready.Where(plan => owned.Contains(plan.Slot)).ToList();
        if (ready.Count == 0)
            return waiting;
        log?.State(null, owner.Name + " was assigned slots " + SlotSet.From(ready.Select(plan => plan.Slot)));
        var others = view.Masters.Where(node => node.IsReachable && node.Id != owner.Id);
        await FanOut.AllAsync(
            others,
            node => NotifyAsync(node, ready.Select(plan => RespCommand.Of("CLUSTER", "SETSLOT", plan.Slot, "NODE", owner.Id)).ToList()),
            stop.Abort).ConfigureAwait(false);
        return [.. waiting.Except(await VerifyAsync(view, owner, ready).ConfigureAwait(false))];
    }

    /// <returns>The plans that are done.</returns>
    private async Task<IReadOnlyList<SlotPlan>> VerifyAsync(ClusterView view, ClusterNode owner, IReadOnlyList<SlotPlan> adopted)
    {
        var verifier = new OwnershipVerifier(reader, view, stop);
        var pair = new MasterPair(owner, owner, [.. adopted.Select(plan => new SlotMove(plan.Slot, 0))], isAtomic: false);
        verifier.Add(pair, pair.Slots);
        var disputed = (await verifier.FinishAsync(stop.Abort).ConfigureAwait(false)).Select(each => each.Slot.Slot).ToList();
        var after = await reader.ReadAsync(null, stop.Abort).ConfigureAwait(false);
        var now = await PlanAgainAsync(after, adopted).ConfigureAwait(false);
        var done = adopted.Where(plan => now[plan.Slot] is { IsDone: true, IsPartial: false } && !disputed.Contains(plan.Slot)).ToList();
        Report(done.Select(plan => new SlotOutcome(ResultOf(plan), null)).ToList());
        return done;
    }

    // Null if the plan is refused now. The slot's own run reports why.
    private async Task<Dictionary<int, SlotPlan?>> PlanAgainAsync(ClusterView view, IReadOnlyList<SlotPlan> old)
    {
        var again = new Dictionary<int, SlotPlan?>();
        var read = await situations.ReadAsync(view, old.Select(plan => plan.Slot).ToList(), stop.Abort).ConfigureAwait(false);
        foreach (var (plan, situation) in old.Zip(read, (plan, situation) => (plan, situation)))
        {
            try
            {
                again[plan.Slot] = plan.Request!.Plan(situation);
            }
            catch (RedisOperationException)
            {
                again[plan.Slot] = null;
            }
        }

        return again;
    }

    private static IEnumerable<RespCommand> Commands(ClusterNode owner, IReadOnlyList<SlotAction> actions)
    {
        var unowned = SlotSet.From(actions.OfType<AddUnownedSlot>().Where(add => add.Believed is null).Select(add => add.Slot));
        foreach (var range in unowned.Ranges)
        {
            yield return owner.View!.Facts is { Engine: ServerEngine.Redis } facts && !facts.IsAtLeast(7, 0)
                ? RespCommand.Of(["CLUSTER", "ADDSLOTS", .. SlotSet.From([range]).Slots.Select(slot => (object)slot)])
                : RespCommand.Of("CLUSTER", "ADDSLOTSRANGE", range.First, range.Last);
        }

        foreach (var action in actions)
        {
            var from = action is TakeFromUnreachable take ? take.Absent.Id : ((AddUnownedSlot)action).Believed;
            if (from is null)
                continue;
            yield return RespCommand.Of("CLUSTER", "SETSLOT", action.Slot, "IMPORTING", from);
            yield return RespCommand.Of("CLUSTER", "SETSLOT", action.Slot, "NODE", owner.Id);
        }
    }

    // A refused command shows in the next reading, and its slot is then repaired individually.
    private async Task SendAsync(ClusterNode node, IEnumerable<RespCommand> commands)
    {
        var all = commands.ToList();
        for (var sent = 0; sent < all.Count; sent += Window)
        {
            stop.ThrowIfRequested();
            var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
            await connection.SendAsync(all.Skip(sent).Take(Window).ToList(), null, stop.Abort).ConfigureAwait(false);
        }
    }

    private async Task<bool> NotifyAsync(ClusterNode node, IReadOnlyList<RespCommand> commands)
    {
        try
        {
            await SendAsync(node, commands).ConfigureAwait(false);
            return true;
        }
        catch (RedisOperationException failure)
        {
            log?.Warning(null, node.Name + " could not be sent the new owner (" + Printable.Clean(failure.Message, 160)
                + "); it should learn it by gossip.");
            return false;
        }
    }

    private RedisOperationException Stopped() => new(
        FailureCode.Stopped,
        string.Format(
            CultureInfo.InvariantCulture,
            "Stopped on request. Of {0} slots without an owner {1} are done, {2} are not, or not verified.",
            plans.Count,
            _reported,
            plans.Count - _reported),
        null,
        RunResume.Of(journal?.Id, plans[0].Options));

    private void Report(IReadOnlyList<SlotOutcome> outcomes)
    {
        _reported += outcomes.Count;
        var reported = outcomes.Select(outcome => outcome with { Result = outcome.Result with { MigrationId = journal?.Id } }).ToList();
        if (journal?.Outcomes(reported.Select(outcome => (outcome.Result, outcome.Failure?.Code)).ToList()) is { } warning)
            log?.Warning(null, warning);
        _run.Add(reported);
    }

    private RedisSlotMigrationResult ResultOf(SlotPlan plan) => new()
    {
        Slot = plan.Slot,
        Operation = plan.Operation,
        Outcome = plan.Request!.Success,
        Source = plan.Source.Length == 0 ? null : plan.Source,
        SourceId = plan.SourceId.Length == 0 ? null : plan.SourceId,
        Target = plan.Target,
        TargetId = plan.TargetId,
        Method = nameof(MoveMethod.KeyByKey),
        Elapsed = reader.Clock.Now - _started,
        Reason = plan.LastingWarnings.Count == 0 ? null : string.Join(" ", plan.LastingWarnings),
        Cluster = session,
    };
}
