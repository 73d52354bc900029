using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// What a person agreed to do with a slot. It does not hold steps: these are derived from what the cluster says each time it is read,
/// so a run that was killed anywhere, or that met a failover, is simply derived again. Pure.
/// </summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The cluster, for the credential that MIGRATE needs.</param>
/// <param name="Options">How keys are moved.</param>
internal abstract record SlotOperation(int Slot, RedisClusterSession Session, MoveOptions Options)
{
    /// <summary>Which operation this is.</summary>
    public abstract MigrationOperation Kind { get; }

    /// <summary>What the result says when it is done.</summary>
    public abstract MigrationOutcome Success { get; }

    /// <summary>What resumes the operation from wherever it was stopped.</summary>
    public abstract NextAction Again { get; }

    /// <summary>Whether the slot is left open, both ends in order, and not closed.</summary>
    public virtual bool LeavesOpen => false;

    /// <summary>What is left to do now.</summary>
    /// <exception cref="RedisOperationException">It can't be done from here, or the slot now goes another way than was agreed (StalePlan).</exception>
    public abstract SlotPlan Plan(SlotSituation situation);

    /// <summary>Whether a last look is taken, after the proof, at who may hide keys.</summary>
    public virtual bool LooksForHidden => false;

    /// <summary>A master whose hidden keys would belie that nothing is left to do; null where there is none.</summary>
    public virtual ClusterNode? MayHide(SlotSituation situation) => null;

    /// <summary>The same, once that master is known to hide keys.</summary>
    public virtual SlotOperation Revealing() => this;

    /// <summary>The plan of a slot that a person has to decide about first.</summary>
    public SlotPlan Refused(SlotSituation situation, RedisOperationException refusal)
    {
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        return Planned(diagnosis, diagnosis?.Source, diagnosis?.Target) with { Owner = situation.View.OwnerOf(Slot), Refusal = refusal };
    }

    /// <summary>The plan of a slot with which nothing is left to do, but to tell who owns it where a master takes another for the owner.</summary>
    /// <remarks>One that was down at the hand-over believes what it believed, for as long as the epoch of the old owner is the higher one.</remarks>
    protected SlotPlan Done(ClusterView view, ClusterNode owner) => Planned(null, null, owner) with
    {
        Owner = owner.Id,
        OwnerAtEnd = owner.Id,
        Actions = [.. view.Masters.Where(node => node.IsReachable && node.View!.OwnerOf(Slot) != owner.Id).Select(node => new CorrectOwner(Slot, node, owner))],
    };

    /// <summary>A plan of these ends, with nothing in it yet.</summary>
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

    protected string Number => Slot.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
