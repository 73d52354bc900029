using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// What a person agreed to do with a slot. It holds no actions: a plan is derived from it whenever the cluster is read. So a run that was
/// killed anywhere, or that met a failover, simply derives its plan again. Pure.
/// </summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster. MIGRATE needs the credential.</param>
/// <param name="Options">How keys are moved.</param>
internal abstract record SlotRequest(int Slot, RedisClusterSession Session, MoveOptions Options)
{
    /// <summary>Which operation this is.</summary>
    public abstract MigrationOperation Kind { get; }

    /// <summary>The outcome when everything is done.</summary>
    public abstract MigrationOutcome Success { get; }

    /// <summary>What resumes the operation from wherever it was stopped.</summary>
    public abstract NextAction Again { get; }

    /// <summary>True if the slot stays open at the end, with consistent flags on both ends.</summary>
    public virtual bool LeavesOpen => false;

    /// <summary>The plan: what is left to do now.</summary>
    /// <exception cref="RedisOperationException">
    /// The state does not allow the operation, or the slot now moves between other nodes (StalePlan).
    /// </exception>
    public abstract SlotPlan Plan(SlotSituation situation);

    /// <summary>True if hidden keys are searched once more after the ownership was verified.</summary>
    public virtual bool ChecksHiddenKeys => false;

    /// <summary>A master that may hold hidden keys, in which case the slot is not finished; otherwise null.</summary>
    public virtual ClusterNode? MasterThatMayHideKeys(SlotSituation situation) => null;

    /// <summary>The same request, once that master is known to hide keys.</summary>
    public virtual SlotRequest RevealingHiddenKeys() => this;

    /// <summary>The plan of a slot that a person has to decide about first.</summary>
    public SlotPlan Refused(SlotSituation situation, RedisOperationException refusal)
    {
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        return Planned(diagnosis, diagnosis?.Source, diagnosis?.Target) with { Owner = situation.View.OwnerOf(Slot), Refusal = refusal };
    }

    /// <summary>The plan of a finished slot. It only corrects masters that report another owner.</summary>
    /// <remarks>A master that was down during the handover reports the old owner while that owner's epoch is higher.</remarks>
    protected SlotPlan Done(ClusterView view, ClusterNode owner)
    {
        var outdated = view.Masters.Where(node => node.IsReachable && node.View!.OwnerOf(Slot) != owner.Id);
        return Planned(null, null, owner) with
        {
            Owner = owner.Id,
            OwnerAtEnd = owner.Id,
            Actions = [.. outdated.Select(node => new CorrectOwner(Slot, node, owner))],
        };
    }

    /// <summary>A plan between these ends, without actions yet.</summary>
    protected SlotPlan Planned(SlotDiagnosis? diagnosis, ClusterNode? source, ClusterNode? target) => new()
    {
        Slot = Slot,
        Kind = Kind,
        State = diagnosis?.State,
        Source = source?.Name ?? string.Empty,
        SourceId = source?.Id ?? string.Empty,
        Target = target?.Name ?? string.Empty,
        TargetId = target?.Id ?? string.Empty,
        KeysOnSource = diagnosis?.Situation.KeysOn(source),
        KeysOnTarget = diagnosis?.Situation.KeysOn(target),
        OwnerAtEnd = target?.Id,
        Options = Options,
        Cluster = Session,
        Request = this,
    };

    protected string Number => Slot.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Why a slot can't be changed. The message names the slot and the reason. Nothing was changed yet.</summary>
internal static class SlotRefusal
{
    /// <param name="slot">The slot.</param>
    /// <param name="view">The cluster.</param>
    /// <param name="node">The node that could not be read.</param>
    /// <param name="verb">What can't be done, such as <c>completed</c>.</param>
    /// <param name="withoutIt">The same operation without the node, if it is dead; null if that is not possible.</param>
    public static RedisOperationException Unreachable(
        int slot, ClusterView view, ClusterNode node, string verb, NextAction? withoutIt = null) =>
        NodeVerdict.Of(view, node).Refused("Slot " + Number(slot) + " can't be " + verb, withoutIt);

    /// <summary>SETSLOT accepts only the id of a node that the receiver lists.</summary>
    /// <param name="what">What can't be done, such as <c>Slot 7 can't be moved</c>.</param>
    /// <exception cref="RedisOperationException">ClusterViewConflict: one of the masters does not list the other.</exception>
    public static void RequireAcquainted(string what, ClusterNode one, ClusterNode other)
    {
        foreach (var (node, peer) in new[] { (one, other), (other, one) })
        {
            if (node.View is not { } view || view.Line(peer.Id) is not null)
                continue;
            throw new RedisOperationException(
                FailureCode.ClusterViewConflict,
                what + ": " + node.Name + " does not list " + peer.Name + " as a node of the cluster." + NothingChanged,
                node.Name,
                new NextAction(NextActionCode.MeetNode) { Node = view.Dialled.ToString(), Target = peer.Name });
        }
    }

    /// <summary>Refuses an operation without a node unless the node is dead and no replica can take over from it.</summary>
    /// <param name="isAllowed">Whether a person allowed the operation without the node.</param>
    /// <inheritdoc cref="Unreachable"/>
    /// <exception cref="RedisOperationException">The reason, with the cure.</exception>
    public static void RequireDispensable(
        int slot, ClusterView view, ClusterNode node, string verb, bool isAllowed, NextAction? withoutIt)
    {
        var verdict = NodeVerdict.Of(view, node);
        if (!isAllowed || !verdict.IsDead || verdict.Successor is not null)
            throw verdict.Refused("Slot " + Number(slot) + " can't be " + verb, withoutIt);
    }

    public static RedisOperationException Unsuitable(SlotDiagnosis diagnosis, string why, NextAction? next = null) => new(
        FailureCode.SlotStateUnsuitable,
        "Slot " + Number(diagnosis.Slot) + " is " + diagnosis.State + (diagnosis.Detail is null ? string.Empty : ": " + diagnosis.Detail)
            + ". " + why,
        Number(diagnosis.Slot),
        next ?? SlotAdvice.NextOf(diagnosis));

    public static RedisOperationException Unsuitable(int slot, string why, NextAction? next) => new(
        FailureCode.SlotStateUnsuitable, "Slot " + Number(slot) + " " + why, Number(slot), next);

    public static RedisOperationException Stale(int slot, string agreed, string now) => new(
        FailureCode.StalePlan,
        "Slot " + Number(slot) + " was planned to move " + agreed + ", but now it " + now + ". Nothing more was changed.",
        Number(slot),
        new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number(slot) });

    public static RedisOperationException NotOpen(int slot, ClusterNode? owner, NextAction? next = null) => new(
        FailureCode.SlotNotOpen,
        "Slot " + Number(slot) + " is not open: it " + BelongsTo(owner) + ", and no node is migrating or importing it.",
        Number(slot),
        next ?? new NextAction(NextActionCode.CheckCluster));

    /// <summary>Such as <c>belongs to 10.0.0.1:6379</c>.</summary>
    public static string BelongsTo(ClusterNode? owner) => owner is null ? "has no owner" : "belongs to " + owner.Name;

    public const string NothingChanged = " Nothing was changed.";
}
