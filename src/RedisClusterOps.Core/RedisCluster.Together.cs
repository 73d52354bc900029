using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Plans of many slots that are carried out together.</content>
public sealed partial class RedisCluster
{
    /// <summary>True if a plan can be carried out together with others of the same operation (<see cref="RunTogetherAsync"/>).</summary>
    public static bool GoesTogether(SlotPlan plan) => BulkWays.Of(plan) != BulkWay.None;

    /// <summary>Groups plans in the order in which they are carried out.</summary>
    /// <returns>Plans that go together are one group, in the place of the first of them. Any other plan is a group of its own.</returns>
    public static IReadOnlyList<IReadOnlyList<SlotPlan>> GroupPlans(IReadOnlyList<SlotPlan> plans) => BulkWays.Groups(plans);

    /// <summary>Plans the completion of many slots. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with the source and the target that the caller expects, or null for any.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be completed has a <see cref="SlotPlan.Refusal"/>.</returns>
    public Task<IReadOnlyList<SlotPlan>> PlanCompletionsAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, MoveOptions options, CancellationToken cancellation) =>
        PlanNamedAsync(MigrationOperation.Complete, slots, options, (situation, source, target, _) =>
            Task.FromResult<SlotRequest>(CompletionOf(situation, source, target, options)), cancellation);

    /// <summary>Plans the undo of many slots' migrations. Reads and checks once for all of them, changes nothing.</summary>
    /// <param name="slots">The slots, each with the source and the target of its migration, or null for any.</param>
    /// <param name="strategy">How keys return that have already moved.</param>
    /// <param name="allowUnreachableNode">True to abandon the keys that an unreachable target may hold.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>A plan for each slot. One that can't be undone has a <see cref="SlotPlan.Refusal"/>.</returns>
    public Task<IReadOnlyList<SlotPlan>> PlanUndosAsync(
        IReadOnlyList<(int Slot, string? Source, string? Target)> slots, UndoStrategy strategy, bool allowUnreachableNode,
        MoveOptions options, CancellationToken cancellation)
    {
        var hides = new Dictionary<string, Task<bool>>();
        return PlanNamedAsync(MigrationOperation.Undo, slots, options, (situation, source, target, intents) =>
            UndoOfAsync(situation, source, target, strategy, allowUnreachableNode, options, intents, HidesAsync), cancellation);

        // Each node is asked once.
        Task<bool> HidesAsync(ClusterNode node) =>
            hides.TryGetValue(node.Id, out var known) ? known : (hides[node.Id] = _situations.HidesAsync(node, cancellation));
    }

    /// <summary>Carries out plans together, all pairs of masters concurrently.</summary>
    /// <param name="plans">A group of <see cref="GroupPlans"/>.</param>
    /// <param name="stop">Requests a stop: the batch in progress is finished, and each slot is left in a named state.</param>
    /// <exception cref="RedisOperationException">JournalBusy, JournalUnavailable or StalePlan. Nothing was changed.</exception>
    public async Task<SlotMoveRun> RunTogetherAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop)
    {
        await BeginAsync(plans[0], stop).ConfigureAwait(false);
        var way = BulkWays.Of(plans[0]);
        if (way == BulkWay.Steps)
        {
            var stepping = new StopRequest(_reader.Clock, stop);
            return new BulkPlanRun(
                _session, _reader, _situations, plans, _run, _announcement, _log, EntryOf, plan => RunnerOf(plan, _run), stepping, stop)
                .Start();
        }

        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        var requests = plans.ToDictionary(plan => plan.Slot, plan => plan.Request!);
        var isBack = way == BulkWay.Back;
        // The source of a way back is the target of the migration.
        var pairs = plans.GroupBy(plan => isBack ? (plan.TargetId, plan.SourceId) : (plan.SourceId, plan.TargetId))
            .Select(pair => PairOf(view, pair.Key.Item1, pair.Key.Item2, pair.ToList(), isBack)).ToList();
        var undos = plans.Select(plan => plan.Request as UndoRequest ?? (plan.Request as RepairRequest)?.InterruptedUndo);
        var move = new BulkMove(plans[0].Kind, plans[0].Request!.Success, (_, situation) => requests[situation.Slot])
        {
            IsUndo = isBack,
            SuppressesReplicaMigration = isBack,
            SuppressedNodes = undos.SelectMany(undo => undo?.SuppressedNodes ?? []).Distinct().ToList(),
        };
        return Start(view, move, pairs, plans[0].Options, stop);
    }

    // A slot goes where its plan says, or nowhere: no other master stands for a node that has become a replica.
    private static MasterPair PairOf(
        ClusterView view, string sourceId, string targetId, IReadOnlyList<SlotPlan> plans, bool isBack)
    {
        RequireMaster(view, sourceId);
        RequireMaster(view, targetId);
        var move = new RedisSlotMove
        {
            SourceId = sourceId,
            TargetId = targetId,
            SlotRanges = SlotSet.From(plans.Select(plan => plan.Slot)).Ranges,
        };
        var successors = plans.Where(plan => plan.State == RedisOpenSlotState.TargetFailedOver).Select(plan => plan.Slot);
        return PairOf(view, move, isBack, new HashSet<int>(successors));
    }

    private async Task<IReadOnlyList<SlotPlan>> PlanNamedAsync(
        MigrationOperation operation, IReadOnlyList<(int Slot, string? Source, string? Target)> slots, MoveOptions options,
        Func<SlotSituation, string?, string?, IReadOnlyDictionary<int, OpenIntent>, Task<SlotRequest>> request,
        CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var numbers = slots.Select(slot => slot.Slot).ToList();
        var intents = operation == MigrationOperation.Undo ? OpenIntents(NodeIds(view), numbers, options.JournalPath)
            : new Dictionary<int, OpenIntent>();
        var situations = await _situations.ReadAsync(view, numbers, cancellation).ConfigureAwait(false);
        var requests = new List<(SlotRequest? Request, SlotPlan? Refused)>();
        for (var i = 0; i < slots.Count; i++)
        {
            var (slot, source, target) = slots[i];
            try
            {
                requests.Add((await request(situations[i], source, target, intents).ConfigureAwait(false), null));
            }
            catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
            {
                requests.Add((null, new SlotPlan
                {
                    Slot = slot,
                    Kind = operation,
                    Source = source ?? string.Empty,
                    Target = target ?? string.Empty,
                    Owner = view.OwnerOf(slot),
                    Options = options,
                    Refusal = refusal,
                    Cluster = _session,
                }));
            }
        }

        var asked = requests.Zip(situations, (each, situation) => (each.Request, situation));
        await PrepareAsync(asked.Where(each => each.Request is not null).Select(each => (each.Request!, each.situation)), cancellation)
            .ConfigureAwait(false);
        var plans = new List<SlotPlan>();
        for (var i = 0; i < slots.Count; i++)
        {
            plans.Add(requests[i].Refused
                ?? await PlanOrRefuseAsync(requests[i].Request!, situations[i], cancellation).ConfigureAwait(false));
        }

        return plans;
    }

    // The preflight check of each plan measures keys. For many plans they are measured together.
    private async Task PrepareAsync(IEnumerable<(SlotRequest Request, SlotSituation Situation)> asked, CancellationToken cancellation)
    {
        if (!LooksAhead)
            return;
        var actions = new List<SlotAction>();
        foreach (var (request, situation) in asked)
        {
            try
            {
                actions.AddRange(request.Plan(situation).Actions.OfType<MoveKeys>().Take(1));
            }
            catch (RedisOperationException)
            {
                // The plan is refused, and its check reads nothing.
            }
        }

        if (actions.Count > 1)
            await _preflight.PrepareAsync(actions, cancellation).ConfigureAwait(false);
    }
}
