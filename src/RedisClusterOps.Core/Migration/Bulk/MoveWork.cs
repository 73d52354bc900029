using System;
using System.Collections.Generic;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>What a run of many slots is for.</summary>
/// <param name="Operation">Such as <c>Rebalance</c>.</param>
/// <param name="Success">What the result of a slot says when it is done.</param>
/// <param name="Alone">What is done with a slot that does not go with the others.</param>
internal sealed record MoveWork(MigrationOperation Operation, MigrationOutcome Success, Func<SlotPair, SlotSituation, SlotOperation> Alone)
{
    /// <summary>True where masters that lose their last slot are kept from turning into replicas.</summary>
    public bool KeepsMasters { get; private init; }

    /// <summary>Ids of nodes that a run which was cut off kept so.</summary>
    public IReadOnlyCollection<string> Kept { get; init; } = [];

    /// <summary>Slots change hands, by a plan.</summary>
    public static MoveWork Of(MigrationOperation operation, RedisClusterSession session, MoveOptions options) => new(operation, MoveSlotOperation.SuccessOf(operation), (pair, situation) =>
    {
        var ends = AgreedEnds.Of(pair.Source, pair.Target);
        // On its way to where it is to leave from: that migration is undone.
        return operation == MigrationOperation.Undo && SlotDiagnostician.Diagnose(situation) is { Source: { } from } && !ends.IsSource(situation.View, from)
            ? new UndoOperation(situation.Slot, session, options, ends.Reversed, UndoStrategy.RoundTrip, AllowUnreachableNode: false)
            : new MoveSlotOperation(situation.Slot, session, options, ends, operation);
    })
    {
        KeepsMasters = operation == MigrationOperation.Undo,
    };
}
