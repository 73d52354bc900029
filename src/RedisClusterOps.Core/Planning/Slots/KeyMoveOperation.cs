using System.Collections.Generic;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Only the keys: the slot must be open on both ends, and stays so.</summary>
/// <param name="First">Most keys to move; null for all.</param>
/// <param name="Keys">Just these; null for any.</param>
internal sealed record KeyMoveOperation(int Slot, RedisClusterSession Session, MoveOptions Options, int? First = null, IReadOnlyList<byte[]>? Keys = null, AgreedEnds? Ends = null)
    : SlotOperation(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.MoveKeys;

    public override MigrationOutcome Success => MigrationOutcome.Moved;

    public override NextAction Again => new(NextActionCode.MoveKeys) { Slots = Number };

    public override bool LeavesOpen => true;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var owner = situation.View.OwnerOf(Slot) is { } id ? situation.View.Node(id) : null;
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            throw Ends is null ? SlotRefusal.NotOpen(Slot, owner) : SlotRefusal.Stale(Slot, Ends.ToString(), "is not open and belongs to " + (owner?.Name ?? "nobody"));
        if (diagnosis.State is not (RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained))
        {
            throw new RedisOperationException(
                FailureCode.SlotNotOpen,
                "Slot " + Number + " is " + diagnosis.State + ", not open on both ends, so keys can't be moved yet.",
                Number,
                SlotAdvice.NextOf(diagnosis));
        }

        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (Ends is not null && !Ends.Fit(situation.View, source, target))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "goes from " + source.Name + " to " + target.Name);
        var most = Keys?.Count ?? (First < diagnosis.KeysOnSource ? First : diagnosis.KeysOnSource);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            First = First,
            Keys = Keys,
            Warnings = CompleteOperation.Warnings(diagnosis, source, target),
            Actions = [HandoverOrder.Move(this, source, target, most) with { IsWhole = First is null && Keys is null }],
            Request = this with { Ends = AgreedEnds.Of(source, target) },
        };
    }
}
