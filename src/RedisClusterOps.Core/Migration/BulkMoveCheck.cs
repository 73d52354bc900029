using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration;

/// <summary>
/// Checks whether the moves of a plan can be carried out: the plan is fresh, and the preflight checks refuse no pair of masters. Changes
/// nothing.
/// </summary>
internal sealed class BulkMoveCheck(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, PreflightReader preflight, NodeWatch nodes,
    RunHistory history)
{
    // The largest slots of a pair stand for all of them in checks of keys.
    private const int Sampled = 3;

    /// <summary>Requires that a plan still matches the cluster.</summary>
    /// <remarks>If a plan is stale right away, another run or tool is changing owners. Its name helps more than the stale plan.</remarks>
    /// <exception cref="RedisOperationException">StalePlan, JournalBusy, AnotherToolAtWork.</exception>
    public async Task RequireFreshAsync(RedisRebalancePlan plan, ClusterView view, MoveOptions options, CancellationToken cancellation)
    {
        try
        {
            PlanFreshness.RequireFresh(plan, view);
        }
        catch (RedisOperationException stale) when (stale.Code == FailureCode.StalePlan && preflight.LooksAhead)
        {
            throw history.RefusalByLock(view.NodeIds.ToList(), options.JournalPath)
                ?? await preflight.RefusalByOtherToolAsync(view, cancellation).ConfigureAwait(false)
                ?? history.StaleByRun(stale, plan, view, options.JournalPath) ?? stale;
        }
    }

    /// <returns>The plan, with the findings and the commands of each pair.</returns>
    /// <exception cref="RedisOperationException">StalePlan, or the reason why the plan can't be carried out.</exception>
    public async Task<RedisRebalancePlan> CheckAsync(RedisRebalancePlan plan, MoveOptions options, CancellationToken cancellation)
    {
        var view = await reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        await RequireFreshAsync(plan, view, options, cancellation).ConfigureAwait(false);
        var pairs = MasterPair.Of(view, plan, plan.Moves);
        if (!preflight.LooksAhead)
            return plan;
        var ends = pairs.SelectMany(pair => new[] { pair.Source, pair.Target }).Distinct();
        await FanOut.AllAsync(ends, node => nodes.SampleAsync(node, cancellation), cancellation).ConfigureAwait(false);
        // The check knows the settings of the nodes.
        var findings = plan.Findings.Where(finding => finding.Code != PlanFindingCode.SourceBecomesReplica).ToList();
        var moves = new List<RedisSlotMove>();
        foreach (var (planned, pair) in plan.Moves.Zip(pairs, (move, pair) => (move, pair)))
        {
            var move = planned;
            var found = await CheckPairAsync(view, move, pair, plan.Kind, options, cancellation).ConfigureAwait(false);
            if (found.Refusal is { Code: FailureCode.PermissionDenied or FailureCode.ModuleMissing } denied
                && pair.IsAtomic && options.Method == MoveMethod.Auto)
            {
                // The user did not ask for the servers' own migration, and may well have the rights for the other method.
                var byKeys = move with { DecidedMethod = MoveMethod.KeyByKey };
                var otherPair = MasterPair.Of(view, byKeys, plan.Kind == MigrationOperation.Undo);
                var other = await CheckPairAsync(view, byKeys, otherPair, plan.Kind, options, cancellation).ConfigureAwait(false);
                if (other.Refusal is null)
                {
                    (move, found) = (byKeys, other);
                    findings.Add(MoveMethodChoice.NotAllowed(denied));
                }
            }

            if (found.Refusal is { } refusal)
                throw history.RefusalOfOwnRun(refusal, view.NodeIds.ToList(), options.JournalPath);
            findings.AddRange(found.Findings);
            moves.Add(move with { EstimatedKeys = move.EstimatedKeys ?? found.Keys, Commands = found.Commands });
        }

        // A resume takes the option from its run.
        if (!plan.ContinuesRun)
        {
            findings = findings.Select(finding => finding.Code != PlanFindingCode.SourceBecomesReplica
                ? finding
                : PlanRefusal.BecomesReplica(finding.Target!, finding.Message)).ToList();
        }

        return plan with { Moves = moves, Findings = findings };
    }

    private async Task<PairFacts> CheckPairAsync(
        ClusterView view, RedisSlotMove move, MasterPair pair, MigrationOperation operation, MoveOptions options,
        CancellationToken cancellation)
    {
        // Slots that the servers are still moving, for a run that was killed, need no check: the run waits for them.
        var arriving = new HashSet<int>(pair.Target.View!.AtomicTasks.SelectMany(task => task.Slots.Slots));
        var slots = pair.Slots.Where(slot => slot.IsWaiting && !arriving.Contains(slot.Slot)).Select(slot => slot.Slot).ToList();
        if (slots.Count == 0)
            return new PairFacts([], null, 0, []);
        var connection = await reader.ConnectAsync(pair.Source, cancellation).ConfigureAwait(false);
        var counts = await SlotKeyCounter.CountAsync(connection, pair.Source.View!.Databases, slots, cancellation).ConfigureAwait(false);
        var keys = counts.Aggregate((long?)0, (sum, count) => sum + count);
        var fullest = slots.Zip(counts, (slot, count) => (Slot: slot, Keys: count ?? 0))
            .OrderByDescending(slot => slot.Keys).ThenBy(slot => slot.Slot).Take(Sampled).Select(slot => slot.Slot).ToList();
        var needsKeyMoves = pair.Slots.Any(slot => slot.IsDeferred || slot.State == SlotMoveState.Interrupted);
        var scope = new PreflightScope(slots, move.EstimatedBytes, pair.IsAtomic, needsKeyMoves);
        var findings = new List<PlanFinding>();
        IReadOnlyList<PlannedCommand> commands = pair.IsAtomic
            ? [AtomicMove.CommandFor(pair.Source, pair.Target, SlotSet.From(slots))]
            : [];
        var ends = MigrationEnds.Of(pair.Source, pair.Target);
        // A problem of one slot is reported with its result, and does not stop the others.
        var plans = (await situations.ReadAsync(view, fullest, cancellation).ConfigureAwait(false))
            .Select(situation => (Situation: situation, Plan: PlanOrNull(
                new SlotMoveRequest(situation.Slot, session, options, ends, operation), situation)))
            .Where(each => each.Plan is not null).ToList();
        await preflight.PrepareAsync(plans.SelectMany(each => each.Plan!.Actions.OfType<MoveKeys>()), cancellation).ConfigureAwait(false);
        foreach (var (situation, plan) in plans)
        {
            var result = await preflight.CheckAsync(situation, pair.Source, pair.Target, plan!.Actions, cancellation, scope)
                .ConfigureAwait(false);
            if (result.Refusal is not null)
                return new PairFacts([], result.Refusal, keys, []);
            var staysMaster = operation == MigrationOperation.Undo || options.KeepEmptyMaster;
            findings.AddRange(result.Findings.Where(finding => !staysMaster || finding.Code != PlanFindingCode.SourceBecomesReplica));
            commands = commands.Count == 0 ? plan.Commands : commands;
        }

        return new PairFacts(findings, null, keys, commands);
    }

    private static SlotPlan? PlanOrNull(SlotMoveRequest request, SlotSituation situation)
    {
        try
        {
            return request.Plan(situation);
        }
        catch (RedisOperationException failure)
            when (failure.Code is FailureCode.SlotStateUnsuitable or FailureCode.StalePlan or FailureCode.SourceNotEmpty)
        {
            return null;
        }
    }

    /// <param name="Keys">The number of keys to move; null if it could not be counted.</param>
    /// <param name="Commands">The commands of one slot, or of all if the servers move them themselves.</param>
    private sealed record PairFacts(
        IReadOnlyList<PlanFinding> Findings, RedisOperationException? Refusal, long? Keys, IReadOnlyList<PlannedCommand> Commands);
}
