using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Plans what to do with slots, one plan for each: reads the slot, derives the plan from a request, and runs the preflight checks. Changes
/// nothing.
/// </summary>
internal sealed class SlotPlanner(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, PreflightReader preflight, RunHistory history)
{
    /// <summary>Reads the cluster, and one slot of it.</summary>
    public async Task<SlotSituation> ReadAsync(int slot, CancellationToken cancellation)
    {
        var view = await reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return await situations.ReadAsync(view, slot, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads one slot, and requires that an open slot has the ends that the caller expects.</summary>
    /// <param name="source">The expected source; null for any.</param>
    /// <param name="target">The expected target; null for any.</param>
    /// <exception cref="RedisOperationException">Another node is the source or target, or a name matches no node or no master.</exception>
    public async Task<SlotSituation> ReadNamedAsync(int slot, string? source, string? target, CancellationToken cancellation)
    {
        var situation = await ReadAsync(slot, cancellation).ConfigureAwait(false);
        RequireNamed(situation, source, target);
        return situation;
    }

    /// <summary>Requires that an open slot has the ends that the caller expects, and that it is known whether the slot is open.</summary>
    /// <exception cref="RedisOperationException">As <see cref="ReadNamedAsync"/>.</exception>
    public void RequireNamed(SlotSituation situation, string? source, string? target)
    {
        var (from, to) = Find(situation.View, source, target);
        RequireKnownFlags(situation);
        if (SlotDiagnostician.Diagnose(situation) is { } diagnosis)
            MigrationEnds.RequireNamed(diagnosis, from, to);
    }

    /// <summary>The nodes that a caller names as source and target; null for a name that is null.</summary>
    public (ClusterNode? Source, ClusterNode? Target) Find(ClusterView view, string? source, string? target) =>
        (source is null ? null : NodeNames.Find(view, source, session.MapAddress), target is null ? null : FindTarget(view, target));

    /// <summary>The master with this name.</summary>
    /// <remarks>
    /// A replica is refused, also if its master is the target: a person who names it believes something else about the cluster.
    /// </remarks>
    /// <exception cref="RedisOperationException">NodeNotFound, AmbiguousNode, or InvalidArgument for a replica.</exception>
    public ClusterNode FindTarget(ClusterView view, string name)
    {
        var node = NodeNames.Find(view, name, session.MapAddress);
        return node.IsMaster ? node : throw PlanRefusal.NotAMaster(view, node);
    }

    /// <summary>Derives the plan of one slot, and checks it.</summary>
    /// <exception cref="RedisOperationException">The state of the slot does not allow it, or a check refuses it.</exception>
    public Task<SlotPlan> PlanAsync(SlotRequest request, SlotSituation situation, CancellationToken cancellation) =>
        CheckAsync(Derive(request, situation), cancellation);

    /// <summary>Plans slots. A slot that can't be planned has a plan with a refusal.</summary>
    public async Task<IReadOnlyList<SlotPlan>> PlanAsync(
        ClusterView view, IReadOnlyList<int> slots, Func<SlotSituation, SlotRequest> request, CancellationToken cancellation)
    {
        var read = await situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false);
        var drafts = read.Select(situation => DeriveOrRefuse(request(situation), situation)).ToList();
        return await CheckAllAsync(drafts, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans slots that a caller names with their ends. A slot that can't be planned has a plan with a refusal.</summary>
    /// <param name="slots">The slots, each with the source and the target that the caller expects, or null for any.</param>
    /// <param name="request">Makes the request from a slot, its source and its target.</param>
    /// <param name="reveals">True if a master may hide keys that the plan must make visible, as for an undo.</param>
    public async Task<IReadOnlyList<SlotPlan>> PlanNamedAsync(
        ClusterView view, MigrationOperation operation, IReadOnlyList<(int Slot, string? Source, string? Target)> slots,
        MoveOptions options, Func<SlotSituation, string?, string?, SlotRequest> request, bool reveals, CancellationToken cancellation)
    {
        var read = await situations.ReadAsync(view, slots.Select(slot => slot.Slot).ToList(), cancellation).ConfigureAwait(false);
        // Each node is asked once.
        var hiding = new Dictionary<string, bool>(StringComparer.Ordinal);
        var drafts = new List<Draft>();
        for (var i = 0; i < slots.Count; i++)
        {
            try
            {
                var each = request(read[i], slots[i].Source, slots[i].Target);
                each = reveals ? await RevealingAsync(each, read[i], hiding, cancellation).ConfigureAwait(false) : each;
                drafts.Add(DeriveOrRefuse(each, read[i]));
            }
            catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
            {
                var plan = new SlotPlan
                {
                    Slot = slots[i].Slot,
                    Kind = operation,
                    Source = slots[i].Source ?? string.Empty,
                    Target = slots[i].Target ?? string.Empty,
                    Owner = view.OwnerOf(slots[i].Slot),
                    Options = options,
                    Refusal = refusal,
                    Cluster = session,
                };
                drafts.Add(new Draft(plan, read[i]));
            }
        }

        return await CheckAllAsync(drafts, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans the repair of slots: one plan for each slot with a problem.</summary>
    /// <param name="chosen">Id of the master that a person chose as the owner; null if none was chosen.</param>
    public async Task<IReadOnlyList<SlotPlan>> PlanRepairAsync(
        ClusterView view, RepairOptions repair, string? chosen, MoveOptions options, CancellationToken cancellation)
    {
        var slots = repair.Slots?.Distinct().OrderBy(slot => slot).ToList()
            ?? RepairScope.Of(view, repair, await situations.FindStraysAsync(view, cancellation).ConfigureAwait(false));
        var hiding = await situations.FindHidersAsync(view, cancellation).ConfigureAwait(false);
        var intents = history.OpenIntents(view.NodeIds, slots, options.JournalPath);
        var loads = view.Masters.Where(node => node.IsReachable).ToDictionary(node => node.Id, node => view.SlotsOf(node.Id).Count);
        var assignment = new RangeAssignment(loads);
        var drafts = new List<Draft>();
        var read = (await situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false))
            .Where(situation => !repair.SkipCoverage || !RepairScope.IsUncovered(situation)).ToList();
        foreach (var situation in read)
        {
            var draft = DeriveOrRefuse(RequestOf(situation), situation);
            var plan = draft.Plan;
            if (plan.Actions.Any(IsAssignment) || (plan.Owner is not null && plan.IsPartial && plan.TargetId.Length == 0))
                assignment.Assign(plan.TargetId.Length > 0 ? plan.TargetId : assignment.Next!);
            // A slot that was specified gets a plan even if it needs no repair.
            if (repair.Slots is not null || !plan.IsDone)
                drafts.Add(draft);
        }

        var plans = await CheckAllAsync(drafts, cancellation).ConfigureAwait(false);
        var reportsUnreachable = repair.Slots is null && !repair.SkipCoverage;
        // While a slot has no owner, the cluster may serve no slot at all. So these come first.
        var ordered = plans.OrderByDescending(plan => plan.Owner is null || plan.Actions.Any(action => action is TakeFromUnreachable))
            .ThenBy(plan => plan.Slot).ToList();
        return reportsUnreachable ? [.. ordered, .. RepairScope.UnreachableOwners(view, repair, slots, session, options)] : ordered;

        static bool IsAssignment(SlotAction action) => action is AddUnownedSlot or TakeFromUnreachable;

        RepairRequest RequestOf(SlotSituation situation)
        {
            var request = new RepairRequest(situation.Slot, session, options, repair, chosen)
            {
                LeastLoadedId = assignment.Next,
                // To make hidden keys visible in all slots would open every slot.
                HidingNodeIds = repair.Slots is not null && hiding.Count > 0 ? hiding : null,
                NothingIsHidden = hiding.Count == 0,
            };
            return intents.TryGetValue(situation.Slot, out var intent) ? RecordedRequest.Resume(request, intent.Slot) : request;
        }
    }

    /// <summary>Derives a plan, and requires that both ends of a slot to open know each other.</summary>
    /// <exception cref="RedisOperationException">The state of the slot does not allow it.</exception>
    private static Draft Derive(SlotRequest request, SlotSituation situation)
    {
        var plan = request.Plan(situation) with { Nodes = situation.View.NodeIds.ToList() };
        foreach (var action in plan.Actions)
        {
            var what = "Slot " + Number(plan.Slot) + " can't be moved";
            if (action is SetImporting import)
                SlotRefusal.RequireAcquainted(what, import.Target, import.Source);
            else if (action is SetMigrating migrate)
                SlotRefusal.RequireAcquainted(what, migrate.Source, migrate.Target);
        }

        return new Draft(plan, situation);
    }

    private static Draft DeriveOrRefuse(SlotRequest request, SlotSituation situation)
    {
        try
        {
            return Derive(request, situation);
        }
        catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
        {
            return new Draft(request.Refused(situation, refusal), situation);
        }
    }

    /// <summary>Runs the preflight checks of a plan.</summary>
    /// <exception cref="RedisOperationException">A check refuses the plan.</exception>
    private async Task<SlotPlan> CheckAsync(Draft draft, CancellationToken cancellation)
    {
        var (plan, view) = (draft.Plan, draft.Situation.View);
        if (plan.Refusal is not null || view.Node(plan.TargetId) is not { } target)
            return plan;
        // A slot without an owner has no source.
        var source = view.Node(plan.SourceId) ?? target;
        var checkedPlan = await preflight.CheckAsync(draft.Situation, source, target, plan.Actions, cancellation)
            .ConfigureAwait(false);
        return checkedPlan.Refusal is { } refusal
            ? throw history.RefusalOfOwnRun(refusal, plan.Nodes, plan.Options.JournalPath)
            : plan with { Findings = checkedPlan.Findings };
    }

    /// <summary>Runs the preflight checks of many plans. They measure keys, which are measured together.</summary>
    private async Task<IReadOnlyList<SlotPlan>> CheckAllAsync(IReadOnlyList<Draft> drafts, CancellationToken cancellation)
    {
        var moves = drafts.SelectMany(draft => draft.Plan.Actions.OfType<MoveKeys>().Take(1)).ToList();
        if (moves.Count > 1 && preflight.LooksAhead)
            await preflight.PrepareAsync(moves, cancellation).ConfigureAwait(false);
        var plans = new List<SlotPlan>();
        foreach (var draft in drafts)
        {
            try
            {
                plans.Add(await CheckAsync(draft, cancellation).ConfigureAwait(false));
            }
            catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
            {
                plans.Add(draft.Plan.Request!.Refused(draft.Situation, refusal));
            }
        }

        return plans;
    }

    private async Task<SlotRequest> RevealingAsync(
        SlotRequest request, SlotSituation situation, Dictionary<string, bool> hiding, CancellationToken cancellation)
    {
        if (request.MasterThatMayHideKeys(situation) is not { } node)
            return request;
        if (!hiding.TryGetValue(node.Id, out var hides))
            hides = hiding[node.Id] = await situations.HidesAsync(node, cancellation).ConfigureAwait(false);
        return hides ? request.RevealingHiddenKeys() : request;
    }

    /// <summary>Requires that it is known whether a slot is open.</summary>
    /// <exception cref="RedisOperationException">A master that may have the slot open can't be read.</exception>
    // A flag is visible only in its node's own view. While a master does not answer, it is unknown whether it has the slot open.
    public static void RequireKnownFlags(SlotSituation situation)
    {
        var view = situation.View;
        if (SlotDiagnostician.Diagnose(situation) is not null || view.OwnerOf(situation.Slot) is not { } id)
            return;
        var owner = view.Node(id)!;
        if ((owner.IsReachable ? view.Masters.FirstOrDefault(node => !node.IsReachable) : owner) is { } absent)
        {
            throw NodeVerdict.Of(view, absent).Refused(
                "It is unknown whether slot " + Number(situation.Slot) + " of " + owner.Name + " is open");
        }
    }

    /// <summary>A plan before its preflight checks.</summary>
    private readonly record struct Draft(SlotPlan Plan, SlotSituation Situation);
}
