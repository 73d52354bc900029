using System;
using System.Collections.Generic;
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
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Carries out the plans of many slots whose owner stays or is missing (<see cref="BulkWay.Steps"/>), window by window: reads the cluster,
/// plans again, runs each step for all slots, and verifies. Slots that need more than that are carried out individually afterwards.
/// </summary>
/// <param name="journal">The journal; null for none.</param>
/// <param name="announcement">What shows the run to other runs; null for none.</param>
/// <param name="log">The log; null for none.</param>
/// <param name="runnerOf">The runner of a slot that is carried out individually.</param>
/// <param name="stop">The stop request of this run, which is disposed when it ends.</param>
/// <param name="stopping">The caller's token.</param>
internal sealed class BulkPlanRun(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, IReadOnlyList<SlotPlan> plans, RunJournal? journal,
    RunAnnouncement? announcement, OperationLog? log, Func<SlotPlan, SlotRunner> runnerOf, StopRequest stop,
    CancellationToken stopping)
{
    // Members may change after the reading: on Redis 7.2 and later a FORGET spreads, and the next node refuses the id of the former owner.
    private const int MostAttempts = 5;

    private readonly SlotMoveRun _run = new(journal?.Id);
    private readonly TimeSpan _started = reader.Clock.Now;
    private readonly Dictionary<int, SlotPlan> _agreed = plans.ToDictionary(plan => plan.Slot);
    private readonly Dictionary<int, SlotRequest> _requests = plans.ToDictionary(plan => plan.Slot, plan => plan.Request!);
    private readonly Dictionary<int, KeyTally> _tallies = plans.ToDictionary(plan => plan.Slot, _ => new KeyTally());
    private readonly HashSet<int> _begun = [];
    private readonly HashSet<int> _reported = [];

    public SlotMoveRun Start()
    {
        _ = RunAsync();
        return _run;
    }

    private async Task RunAsync()
    {
        try
        {
            var individually = new List<SlotPlan>();
            foreach (var window in BulkWays.Windows(plans))
            {
                var left = window;
                for (var attempt = 0; attempt < MostAttempts && left.Count > 0; attempt++)
                    left = await CarryOutAsync(left).ConfigureAwait(false);
                individually.AddRange(left);
            }

            foreach (var plan in individually)
                await RunIndividuallyAsync(plan).ConfigureAwait(false);
            _run.End(null, null);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            var stopped = Stopped();
            ReportLeft(stopped);
            _run.End(stopped, null);
        }
        catch (Exception failure)
        {
            var known = failure is RedisOperationException ended ? RunResume.Of(ended, journal?.Id, plans[0].Options) : null;
            ReportLeft(known ?? new RedisOperationException(
                FailureCode.Unexpected, failure.GetType().Name + ": " + failure.Message, innerException: failure));
            _run.End(null, known ?? failure);
        }
        finally
        {
            stop.Dispose();
        }
    }

    /// <returns>The plans that are not done.</returns>
    private async Task<IReadOnlyList<SlotPlan>> CarryOutAsync(IReadOnlyList<SlotPlan> waiting)
    {
        stop.ThrowIfRequested();
        if (announcement is not null && await announcement.FindStrongerAsync(stop.Abort).ConfigureAwait(false) is { } other)
        {
            throw new RedisOperationException(
                FailureCode.AnotherToolAtWork, other + ", and began first. This run stopped, because two runs at once lose keys.",
                other.Node.Name);
        }

        var view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
        var now = await PlanAgainAsync(view, waiting).ConfigureAwait(false);
        var adopted = now.Values.Where(plan => BulkAdoption.IsAdoption(plan) && IsAgreed(plan)).ToList();
        var stepped = now.Values.Where(plan => !BulkAdoption.IsAdoption(plan) && BulkSteps.CanRun(plan)).ToList();
        var finished = now.Values.Where(plan => plan is { IsDone: true, IsPartial: false }).ToList();
        if (adopted.Count + stepped.Count + finished.Count == 0)
            return waiting;
        Intend([.. adopted, .. stepped]);
        var done = new List<SlotPlan>(finished);
        if (stepped.Count > 0)
        {
            var steps = new BulkSteps(reader, plans[0].Options, _tallies, log, stop);
            var refused = await steps.RunAsync(stepped).ConfigureAwait(false);
            foreach (var plan in stepped.Where(plan => !refused.Contains(plan.Slot)))
            {
                _requests[plan.Slot] = plan.NextRequest ?? _requests[plan.Slot];
                if (!plan.IsPartial)
                    done.Add(plan);
            }
        }

        foreach (var target in adopted.GroupBy(plan => plan.TargetId))
            done.AddRange(await new BulkAdoption(reader, log, stop).RunAsync(view, target.ToList()).ConfigureAwait(false));
        var verified = await VerifyAsync(view, done).ConfigureAwait(false);
        return waiting.Where(plan => !verified.Contains(plan.Slot)).ToList();
    }

    // Only the master that was agreed to gets the slot. A plan that first searches for keys names none.
    private bool IsAgreed(SlotPlan now) => _agreed[now.Slot].TargetId is var agreed && (agreed.Length == 0 || agreed == now.TargetId);

    private void Intend(IReadOnlyList<SlotPlan> ready)
    {
        foreach (var alike in ready.GroupBy(plan => SlotEntry.Of(plan) with { Slot = 0, Keys = null }))
            journal?.Intend(alike.Key, alike.Select(plan => plan.Slot));
        _begun.UnionWith(ready.Select(plan => plan.Slot));
    }

    /// <returns>The slots that are done, each with a result.</returns>
    private async Task<ISet<int>> VerifyAsync(ClusterView view, IReadOnlyList<SlotPlan> ready)
    {
        var verified = new HashSet<int>();
        if (ready.Count == 0)
            return verified;
        var verifier = new OwnershipVerifier(reader, view, stop);
        foreach (var owner in ready.GroupBy(plan => plan.OwnerAtEnd!))
        {
            var node = view.Node(owner.Key)!;
            var pair = new MasterPair(node, node, [.. owner.Select(plan => new SlotMove(plan.Slot, 0))], isAtomic: false);
            verifier.Add(pair, pair.Slots);
        }

        var disputed = new HashSet<int>(
            (await verifier.FinishAsync(stop.Abort).ConfigureAwait(false)).Select(each => each.Slot.Slot));
        var after = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
        var now = await PlanAgainAsync(after, ready).ConfigureAwait(false);
        var hiders = await HidersAsync(after, ready).ConfigureAwait(false);
        var done = ready.Where(plan => !disputed.Contains(plan.Slot) && !hiders.Contains(plan.Slot)
            && now.TryGetValue(plan.Slot, out var again) && again is { IsDone: true, IsPartial: false }).ToList();
        foreach (var owner in done.GroupBy(plan => plan.OwnerAtEnd!))
            Report(await SettleAsync(view.Node(owner.Key)!, owner.ToList()).ConfigureAwait(false));
        verified.UnionWith(done.Select(plan => plan.Slot));
        return verified;
    }

    // If one of the ends has just failed over, its successor was not checked for hidden keys. Those slots are carried out individually.
    private async Task<ISet<int>> HidersAsync(ClusterView view, IReadOnlyList<SlotPlan> ready)
    {
        var hidden = new HashSet<int>();
        var checks = ready.Where(plan => _requests[plan.Slot].ChecksHiddenKeys).ToList();
        if (checks.Count == 0)
            return hidden;
        var hides = new Dictionary<string, bool>();
        var read = await situations.ReadAsync(view, checks.Select(plan => plan.Slot).ToList(), stop.Abort).ConfigureAwait(false);
        foreach (var situation in read)
        {
            if (_requests[situation.Slot].MasterThatMayHideKeys(situation) is not { } node)
                continue;
            if (!hides.TryGetValue(node.Id, out var isHiding))
                hides[node.Id] = isHiding = await situations.HidesAsync(node, stop.Abort).ConfigureAwait(false);
            if (isHiding)
                hidden.Add(situation.Slot);
        }

        return hidden;
    }

    // MIGRATE reports success only for keys that the owner has accepted. Without a client only an eviction takes them away again.
    private async Task<IReadOnlyList<SlotOutcome>> SettleAsync(ClusterNode owner, IReadOnlyList<SlotPlan> done)
    {
        var moved = done.Where(plan => _tallies[plan.Slot].Moved > 0).ToList();
        if (moved.Count == 0)
            return done.Select(plan => new SlotOutcome(ResultOf(plan, plan.Request!.Success), null)).ToList();
        var connection = await reader.ConnectAsync(owner, stop.Abort).ConfigureAwait(false);
        var reply = await connection.AskAsync(RespCommand.Of("INFO", "stats"), stop.Abort).ConfigureAwait(false);
        var before = owner.View?.Facts.Number("evicted_keys");
        var evicted = reply.IsError ? 0 : NodeCounters.Since(before, NodeCounters.Of(ServerFacts.Parse(reply.Text)).Evicted);
        var counts = evicted == 0 ? [] : await SlotKeyCounter.CountAsync(
            connection, owner.View!.Databases, moved.Select(plan => plan.Slot).ToList(), stop.Abort).ConfigureAwait(false);
        var missing = moved.Zip(counts, (plan, count) => (plan.Slot, Missing: _tallies[plan.Slot].Moved - (count ?? 0)))
            .Where(each => each.Missing > 0).ToDictionary(each => each.Slot, each => each.Missing);
        return done.Select(plan => !missing.TryGetValue(plan.Slot, out var lost)
            ? new SlotOutcome(ResultOf(plan, plan.Request!.Success), null)
            : Failed(plan, KeyLoss.Evicted(owner, plan.Slot, lost, _tallies[plan.Slot].Moved, evicted))).ToList();
    }

    private async Task<Dictionary<int, SlotPlan>> PlanAgainAsync(ClusterView view, IReadOnlyList<SlotPlan> old)
    {
        var again = new Dictionary<int, SlotPlan>();
        foreach (var situation in await situations.ReadAsync(view, old.Select(plan => plan.Slot).ToList(), stop.Abort)
            .ConfigureAwait(false))
        {
            try
            {
                again[situation.Slot] = _requests[situation.Slot].Plan(situation);
            }
            catch (RedisOperationException)
            {
                // The plan is refused now. The slot's own run reports why.
            }
        }

        return again;
    }

    private async Task RunIndividuallyAsync(SlotPlan plan)
    {
        stop.ThrowIfRequested();
        Intend([plan]);
        var outcome = await runnerOf(plan with { Request = _requests[plan.Slot] }).RunAsync(stopping).ConfigureAwait(false);
        var moved = outcome.Result.KeysMoved + _tallies[plan.Slot].Moved;
        Report([outcome with { Result = outcome.Result with { KeysMoved = moved } }]);
        if (outcome.Failure is { } failure && RunResume.Ends(failure) && failure.Code != FailureCode.Stopped)
            throw failure;
    }

    private RedisOperationException Stopped() => new(
        FailureCode.Stopped,
        "Stopped on request. Of " + Number(plans.Count) + " slots " + Number(_reported.Count) + " are done, "
            + Number(plans.Count - _reported.Count) + " are not, or not verified. No key is lost.",
        null,
        RunResume.Of(journal?.Id, plans[0].Options));

    private void ReportLeft(RedisOperationException failure) =>
        Report(plans.Where(plan => !_reported.Contains(plan.Slot)).Select(plan => Failed(plan, failure)).ToList());

    // The journal lists those that have not begun as planned.
    private void Report(IReadOnlyList<SlotOutcome> outcomes)
    {
        _reported.UnionWith(outcomes.Select(outcome => outcome.Result.Slot));
        var reported = outcomes.Select(outcome => outcome with { Result = outcome.Result with { MigrationId = journal?.Id } }).ToList();
        var recorded = reported.Where(outcome => _begun.Contains(outcome.Result.Slot)).ToList();
        if (journal?.Outcomes(recorded.Select(outcome => (outcome.Result, outcome.Failure?.Code)).ToList()) is { } warning)
            log?.Warning(null, warning);
        _run.Add(reported);
    }

    private SlotOutcome Failed(SlotPlan plan, RedisOperationException failure) =>
        new(ResultOf(plan, MigrationOutcome.Failed) with { Reason = failure.Message }, failure);

    private RedisSlotMigrationResult ResultOf(SlotPlan plan, MigrationOutcome outcome)
    {
        var (tally, agreed) = (_tallies[plan.Slot], _agreed[plan.Slot]);
        var notes = tally.Notes.Concat(agreed.LastingWarnings).ToList();
        plan = plan.Actions.Count > 0 ? plan : agreed;
        return new RedisSlotMigrationResult
        {
            Slot = plan.Slot,
            Operation = plan.Operation,
            Outcome = outcome,
            Source = plan.Source.Length == 0 ? null : plan.Source,
            SourceId = plan.SourceId.Length == 0 ? null : plan.SourceId,
            Target = plan.Target.Length == 0 ? null : plan.Target,
            TargetId = plan.TargetId.Length == 0 ? null : plan.TargetId,
            KeysMoved = tally.Moved,
            KeysConflicting = tally.Conflicting,
            Method = nameof(MoveMethod.KeyByKey),
            Elapsed = reader.Clock.Now - _started,
            Reason = notes.Count == 0 ? null : string.Join(" ", notes),
            Cluster = session,
        };
    }
}
