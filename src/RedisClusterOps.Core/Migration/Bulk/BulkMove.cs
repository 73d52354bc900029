using System;
using System.Collections.Generic;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>What a run of many slots does.</summary>
/// <param name="Operation">Such as <c>Rebalance</c>.</param>
/// <param name="Success">The outcome of a slot that was moved.</param>
/// <param name="OperationFor">The operation for a slot that is moved individually.</param>
internal sealed record BulkMove(string Operation, MigrationOutcome Success, Func<MasterPair, SlotSituation, SlotOperation> OperationFor)
{
    public bool IsUndo => Operation == "Undo";

    /// <summary>True if masters that lose their last slot are kept from becoming replicas.</summary>
    public bool KeepsMasters { get; private init; }

    /// <summary>Ids of nodes that an interrupted run kept masters.</summary>
    public IReadOnlyCollection<string> Kept { get; init; } = [];

    /// <summary>Moves of a plan.</summary>
    public static BulkMove Of(string operation, RedisClusterSession session, MoveOptions options) =>
        new(operation, MoveSlotOperation.SuccessOf(operation), (pair, situation) =>
        {
            var ends = AgreedEnds.Of(pair.Source, pair.Target);
            // A slot that migrates towards this pair's source: that migration is undone.
            return operation == "Undo" && SlotDiagnostician.Diagnose(situation) is { Source: { } from } && !ends.IsSource(situation.View, from)
                ? new UndoOperation(situation.Slot, session, options, ends.Reversed, UndoStrategy.RoundTrip, AllowUnreachableNode: false)
                : new MoveSlotOperation(situation.Slot, session, options, ends, operation);
        })
        {
            KeepsMasters = operation == "Undo",
        };
}
