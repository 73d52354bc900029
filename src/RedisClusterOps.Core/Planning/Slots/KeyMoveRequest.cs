using System.Collections.Generic;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Moves keys only. The slot must be open on both ends, and stays open.</summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster.</param>
/// <param name="Options">How keys are moved.</param>
/// <param name="First">The most keys to move; null for all.</param>
/// <param name="Keys">Only these keys; null for any.</param>
/// <param name="Ends">The source and target that the request was agreed for; null for those that the flags name.</param>
internal sealed record KeyMoveRequest(
    int Slot,
    RedisClusterSession Session,
    MoveOptions Options,
    int? First = null,
    IReadOnlyList<byte[]>? Keys = null,
    MigrationEnds? Ends = null)
    : SlotRequest(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.MoveKeys;

    public override MigrationOutcome Success => MigrationOutcome.Moved;

    public override NextAction Again => new(NextActionCode.MoveKeys) { Slots = Number };

    public override bool LeavesOpen => true;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
        {
            var owner = situation.View.OwnerOf(Slot) is { } id ? situation.View.Node(id) : null;
            throw Ends is null
                ? SlotRefusal.NotOpen(Slot, owner)
                : SlotRefusal.Stale(Slot, Ends.ToString(), "is not open and " + SlotRefusal.BelongsTo(owner));
        }

        if (diagnosis.State is not (RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained))
        {
            throw new RedisOperationException(
                FailureCode.SlotNotOpen,
                "Keys of slot " + Number + " can't be moved: it is " + diagnosis.State + ", not open on both ends."
                    + SlotRefusal.NothingChanged,
                Number,
                SlotAdvice.NextOf(diagnosis));
        }

        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (Ends is not null && !Ends.Match(situation.View, source, target))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "moves from " + source.Name + " to " + target.Name);
        var most = Keys?.Count ?? (First < diagnosis.KeysOnSource ? First : diagnosis.KeysOnSource);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            First = First,
            Keys = Keys,
            Warnings = CompleteRequest.Warnings(diagnosis, source, target),
            Actions = [HandoverOrder.Move(this, source, target, most) with { IsWhole = First is null && Keys is null }],
            Request = this with { Ends = MigrationEnds.Of(source, target) },
        };
    }
}
