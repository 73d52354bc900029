using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// A cmdlet that changes many slots. It writes one object for all slots with the same source, target, outcome and reason, as soon as the
/// slots of that pair of masters are settled.
/// </summary>
public abstract class ManySlotsCmdlet : KeyMovingCmdlet
{
    /// <summary>Writes an object for each slot, as soon as the slot is settled.</summary>
    [Parameter]
    public virtual SwitchParameter PerSlot { get; set; }

    internal override bool IsGrouped => !PerSlot;

    internal override bool ShowsWayBack => true;

    /// <summary>Carries out plans, or writes that there is nothing to do.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="plans">The plans.</param>
    /// <param name="operation">The operation, for a result that says that there is nothing to do.</param>
    /// <param name="nothing">Why there is nothing to do, if there are no plans.</param>
    internal void CarryOut(RedisCluster cluster, IReadOnlyList<SlotPlan> plans, string operation, string nothing)
    {
        if (plans.Count == 0)
            WriteNothingToDo(operation, nothing);
        else
            CarryOut(cluster, plans);
    }

    /// <summary>Carries out a run, and writes its results.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parts">Its slots, in parts whose results are settled together.</param>
    internal void CarryOut(SlotMoveRun run, IEnumerable<IEnumerable<int>> parts)
    {
        var results = new SlotResults(parts);
        var progress = NewProgress("Moving slots");
        CarryOut(results, progress, now => Follow(run, results, progress, now));
    }

    /// <summary>Writes that there is nothing to do, so that a script can tell it from a command that did nothing.</summary>
    internal void WriteNothingToDo(string operation, string reason) => WriteObject(new RedisSlotMoveResult
    {
        Operation = operation,
        Outcome = MigrationOutcome.Skipped,
        Reason = reason,
    }.Of(FindSession()));

    /// <summary>Writes outcomes that are known before a run.</summary>
    internal void WriteSettled(IReadOnlyList<SlotOutcome> outcomes)
    {
        var results = new SlotResults([]);
        Write(results, outcomes, TimeSpan.Zero);
        Write(results.Rest());
    }

    internal override void Write(IReadOnlyList<SlotOutcome> outcomes) =>
        WriteObject(outcomes.Select(SlotResults.ResultOf), enumerateCollection: true);
}
