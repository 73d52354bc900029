using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// Brings a slot to the one safe state: one owner, no flag, and every key on the owner. If two ways are safe, it takes the one that the
/// journal knows, otherwise the way forward. If only a person can choose, it stops and names the choices.
/// </summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster.</param>
/// <param name="Options">How keys are moved.</param>
/// <param name="Repair">What the repair may change and decide.</param>
/// <param name="ChosenOwnerId">Id of the master that a person chose as the owner; null if none was chosen.</param>
/// <param name="InterruptedUndo">The undo that was interrupted; null if the way is forward.</param>
/// <param name="LeastLoadedId">Id of the master that takes over a slot without keys; null if there is none.</param>
/// <param name="HidingNodeIds">
/// Ids of masters that hold keys which they count for no slot. Empty once these keys were made visible; null if it was not checked.
/// </param>
internal sealed record RepairRequest(
    int Slot,
    RedisClusterSession Session,
    MoveOptions Options,
    RepairOptions Repair,
    string? ChosenOwnerId = null,
    UndoRequest? InterruptedUndo = null,
    string? LeastLoadedId = null,
    IReadOnlyCollection<string>? HidingNodeIds = null)
    : SlotRequest(Slot, Session, Options)
{
    /// <summary>True once the slot was handed over to its target. Then the stray keys of other nodes are gathered.</summary>
    public bool IsHandedOver { get; init; }

    /// <summary>True if it was checked that no master hides keys, so a count that is unknown stands for no key.</summary>
    public bool NothingIsHidden { get; init; }

    /// <summary>
    /// The node that held stray keys, as the source, and the owner that they were being moved to; null if there were none. Once the keys
    /// have moved only a flag is left, which otherwise looks like a migration that has just begun.
    /// </summary>
    public MigrationEnds? InterruptedGather { get; init; }

    /// <summary>The ends of the journal's newest run that left the slot open; null if there is none.</summary>
    public MigrationEnds? Recorded { get; init; }

    public override MigrationOperation Kind => MigrationOperation.Repair;

    public override MigrationOutcome Success => MigrationOutcome.Repaired;

    public override NextAction Again => new(NextActionCode.Repair)
    {
        Slots = Number,
        Options = Repair.AllowUnreachableNode ? NextActionOptions.AllowUnreachableNode : NextActionOptions.None,
    };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var plan = PlanAny(situation);
        // A user who names both a slot and its owner expects that owner. The repair must not silently choose another one.
        if (Repair.Slots is not null && ChosenOwnerId is not null && plan.Actions.Count > 0 && plan.OwnerAtEnd is { } end
            && end != (situation.View.ShardMaster(ChosenOwnerId)?.Id ?? ChosenOwnerId))
            throw NotTheChosenOwner(situation, end);
        return plan;
    }

    private SlotPlan PlanAny(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        if (diagnosis is { State: RedisOpenSlotState.Atomic })
        {
            throw SlotRefusal.Unsuitable(
                diagnosis,
                "The servers are moving it themselves, so there is nothing to repair meanwhile.",
                new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number });
        }

        if (diagnosis is { State: RedisOpenSlotState.ClaimedWithoutEpoch })
            return PlanContested(diagnosis);
        if (owner is { IsReachable: false })
            return RepairCoverage.PlanUnreachableOwner(this, situation, diagnosis, owner);
        // A slot that the source handed over and the target has not taken over has no owner, but it is known which one it will be.
        if (owner is null && diagnosis is not { State: RedisOpenSlotState.FinishedOnSource })
            return RepairCoverage.PlanUnowned(this, situation, diagnosis!);
        if (diagnosis is null && HidingNodeIds is { Count: > 0 })
            return PlanReveal(situation, owner!);
        // Flags that were set only to make hidden keys visible are not a migration.
        if (diagnosis is not null && SlotAdvice.CanComplete(diagnosis.State) && HidingNodeIds is not { Count: 0 } && !IsGathered(diagnosis))
            return PlanOpen(diagnosis);
        return RepairFlagsAndStrays.Plan(this, situation, diagnosis, owner!);
    }

    private bool IsGathered(SlotDiagnosis diagnosis) => InterruptedGather is not null && diagnosis.State == RedisOpenSlotState.ImportingOnly
        && diagnosis.Source?.Id == InterruptedGather.TargetId && diagnosis.Target?.Id == InterruptedGather.SourceId;

    private RedisOperationException NotTheChosenOwner(SlotSituation situation, string end)
    {
        var view = situation.View;
        var isSource = SlotDiagnostician.Diagnose(situation)?.Source?.Id == view.ShardMaster(ChosenOwnerId!)?.Id;
        return SlotRefusal.Unsuitable(
            Slot,
            "goes to " + (view.Node(end)?.Name ?? end) + ", not " + (view.Node(ChosenOwnerId!)?.Name ?? ChosenOwnerId)
                + ". A named target decides only if the state of the cluster does not." + SlotRefusal.NothingChanged,
            isSource ? new NextAction(NextActionCode.Undo) { Slots = Number } : Again);
    }

    /// <summary>The same repair without a node that does not answer.</summary>
    /// <param name="note">What this means for the keys of that node.</param>
    internal NextAction WithoutNode(string note) => Again with { Options = NextActionOptions.AllowUnreachableNode, Note = note };

    /// <summary>The same repair, without the unreachable target of an open slot.</summary>
    internal NextAction WithoutTarget(ClusterNode owner, ClusterNode target) =>
        WithoutNode("closes the slot on " + owner.Name + " and abandons the keys that have moved until " + target.Name + " is back");

    /// <summary>What stays true after a slot was closed without its target.</summary>
    internal static string MissingKeys(ClusterNode target) =>
        "Keys that have moved to " + target.Name + " read as missing from now on. When it is back, the same command returns them.";

    internal SlotPlan PlanOf(SlotDiagnosis? diagnosis, ClusterNode? source, ClusterNode? target, IEnumerable<SlotAction> actions) =>
        Planned(diagnosis, source, target) with { Owner = diagnosis?.Owner?.Id, Actions = [.. actions] };

    internal SlotPlan Nothing(ClusterView view, ClusterNode owner) => Done(view, owner);

    internal RedisOperationException Undecided(string why, NextAction choice, bool isRevealed = false) => new(
        FailureCode.SlotStateUnsuitable,
        "Slot " + Number + " " + why + (isRevealed ? " The masters import the slot, so that its keys can be counted; no key was moved."
            : SlotRefusal.NothingChanged),
        Number,
        choice);

    private SlotPlan PlanOpen(SlotDiagnosis diagnosis)
    {
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (source.IsReachable && !target.IsReachable)
        {
            SlotRefusal.RequireDispensable(
                Slot, diagnosis.Situation.View, target, "repaired", Repair.AllowUnreachableNode, WithoutTarget(source, target));
            return PlanOf(diagnosis, source, target, [new StopMigrating(Slot, source, null)]) with
            {
                OwnerAtEnd = source.Id,
                Warnings = [MissingKeys(target)],
                LastingWarnings = [MissingKeys(target)],
            };
        }

        if (InterruptedUndo is not null)
            return InterruptedUndo.Plan(diagnosis.Situation) with { Kind = Kind, Request = this };
        CompleteRequest.RefuseUnlessCompletable(diagnosis, "repaired", Repair.AllowUnreachableNode);
        var others = diagnosis.Situation.Holders.Where(node => node.Id != source.Id && node.Id != target.Id).ToList();
        var plan = PlanOf(diagnosis, source, target, CompleteRequest.Actions(this, diagnosis));
        return others.Count == 0 ? plan : plan with
        {
            IsPartial = true,
            NextRequest = this with { IsHandedOver = true },
            Warnings = [.. others.Select(AlsoHoldsKeys)],
        };
    }

    private static string AlsoHoldsKeys(ClusterNode node) =>
        node.Name + " also holds keys of the slot, which clients can't see. They are moved to the owner afterwards.";

    // A node that neither owns nor imports may hide its keys. IMPORTING makes them visible.
    private SlotPlan PlanReveal(SlotSituation situation, ClusterNode owner)
    {
        var hiding = situation.View.Masters.Where(node => HidingNodeIds!.Contains(node.Id) && node.IsReachable && node.Id != owner.Id);
        return PlanOf(null, null, owner, hiding.Select(node => new SetImporting(Slot, node, owner) { OnlyReveals = true })) with
        {
            Owner = owner.Id,
            IsPartial = true,
            NextRequest = this with { HidingNodeIds = [] },
        };
    }

    // Two masters claim the slot. The servers decide by epoch, and the loser deletes its keys. So the empty one yields first.
    private SlotPlan PlanContested(SlotDiagnosis diagnosis)
    {
        var (view, situation) = (diagnosis.Situation.View, diagnosis.Situation);
        var claimants = view.ContestedClaims[Slot].Select(id => view.Node(id)!).ToList();
        var holders = claimants.Where(node => situation.KeysOn(node) != 0).ToList();
        if (holders.Count > 1 || situation.Holders.Any(node => !claimants.Contains(node)))
        {
            throw Undecided(
                "is claimed by " + string.Join(" and ", claimants.Select(node => WithKeys(situation, node)))
                    + ". The one that loses it deletes its keys.",
                new NextAction(NextActionCode.ShowKeys) { Slots = Number, Node = claimants[0].Name });
        }

        var winner = holders.Count == 1 ? holders[0] : claimants[0];
        var losers = claimants.Where(node => node.Id != winner.Id).ToList();
        return PlanOf(diagnosis, losers[0], winner, 
        [
            new RaiseEpoch(Slot, winner, [.. view.Nodes.Where(node => node.IsReachable)]),
            .. losers.SelectMany(loser => HandoverOrder.Notify(view, Slot, loser, winner)),
        ]);
    }

    /// <summary>Such as <c>10.0.0.1:6379 (3 keys)</c>.</summary>
    internal static string WithKeys(SlotSituation situation, ClusterNode node) => node.Name + (situation.KeysOn(node) is { } keys
        ? " (" + keys.ToString(CultureInfo.InvariantCulture) + (keys == 1 ? " key)" : " keys)")
        : " (keys not counted)");
}

/// <summary>Which slots a repair covers, and which master takes over a slot without keys.</summary>
internal static class RepairScope
{
    /// <summary>Slots that are open, contested or unowned, and slots of which a master holds stray keys.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="repair">What the repair may change.</param>
    /// <param name="strays">The slots of stray keys, by the id of the node that holds them.</param>
    public static IReadOnlyList<int> Of(ClusterView view, RepairOptions repair, IReadOnlyDictionary<string, SlotSet> strays)
    {
        var takesFromUnreachable = repair.AllowUnreachableNode && !repair.SkipCoverage;
        return SlotDiagnostician.Suspects(view)
            .Concat(view.ReplicaFlags.Select(flag => flag.Slot))
            .Concat(strays.Values.SelectMany(held => held.Slots))
            .Concat(takesFromUnreachable ? DispensableMasters(view).SelectMany(node => view.SlotsOf(node.Id).Slots) : [])
            .Distinct().OrderBy(slot => slot).ToList();
    }

    /// <summary>True if no reachable node owns the slot, and no migration explains it.</summary>
    public static bool IsUncovered(SlotSituation situation) =>
        situation.View.OwnerOf(situation.Slot) is { } owner
            ? situation.View.Node(owner) is { IsReachable: false }
            : SlotDiagnostician.Diagnose(situation) is not { State: RedisOpenSlotState.FinishedOnSource };

    /// <summary>One refusal for each unreachable master that keeps its slots, instead of one for each slot.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="repair">What the repair may change.</param>
    /// <param name="planned">Slots that have a plan of their own.</param>
    /// <param name="session">The connection settings of the cluster.</param>
    /// <param name="options">How keys are moved.</param>
    public static IEnumerable<SlotPlan> UnreachableOwners(
        ClusterView view, RepairOptions repair, IReadOnlyCollection<int> planned, RedisClusterSession session, MoveOptions options)
    {
        var given = repair.AllowUnreachableNode ? DispensableMasters(view).ToList() : [];
        foreach (var absent in view.Masters.Where(node => !node.IsReachable && !given.Contains(node)))
        {
            var slots = SlotSet.From(view.SlotsOf(absent.Id).Slots.Where(slot => !planned.Contains(slot)));
            if (slots.Count == 0)
                continue;
            var withoutIt = new NextAction(NextActionCode.Repair)
            {
                Options = NextActionOptions.AllowUnreachableNode,
                Note = "assigns its slots to other masters; it deletes their keys when it returns",
            };
            var refusal = NodeVerdict.Of(view, absent).Refused("Slots " + slots + " can't be repaired", withoutIt);
            yield return new SlotPlan
            {
                Slot = slots.Ranges[0].First,
                Slots = [.. slots.Slots],
                Kind = MigrationOperation.Repair,
                Source = absent.Name,
                SourceId = absent.Id,
                Owner = absent.Id,
                Options = options,
                Refusal = refusal,
                Cluster = session,
            };
        }
    }

    // The dead masters without a replica that can take over.
    private static IEnumerable<ClusterNode> DispensableMasters(ClusterView view) => view.Masters
        .Where(node => !node.IsReachable)
        .Where(node => NodeVerdict.Of(view, node) is { IsDead: true, Successor: null });
}

/// <summary>
/// Distributes slots without keys in contiguous ranges: a master takes over slots until it has its share, then the one with the fewest
/// follows. Single slots that alternate between masters would lengthen the slot map of every client.
/// </summary>
/// <param name="loads">The number of slots of each reachable master, by id.</param>
internal sealed class RangeAssignment(IReadOnlyDictionary<string, int> loads)
{
    private readonly Dictionary<string, int> _loads = loads.ToDictionary(node => node.Key, node => node.Value, StringComparer.Ordinal);
    private string? _last;

    /// <summary>
    /// Id of the master for the next slot; null if there is none. An emptied master gets none while another one has slots.
    /// </summary>
    public string? Next => _last is not null && _loads[_last] < Share ? _last : _loads
        .OrderBy(node => node.Value == 0).ThenBy(node => node.Value).ThenBy(node => node.Key, StringComparer.Ordinal)
        .Select(node => node.Key).FirstOrDefault();

    private int Share => (HashSlot.Count + Owners - 1) / Owners;

    private int Owners => Math.Max(1, _loads.Count(node => node.Value > 0));

    public void Assign(string id) => _loads[_last = id]++;
}
