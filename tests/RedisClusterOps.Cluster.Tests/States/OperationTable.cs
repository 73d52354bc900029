using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>State × operation -> outcome: what docs/operations.md shows and what the tests hold real servers to.</summary>
internal static class OperationTable
{
    /// <summary>The columns.</summary>
    public static IReadOnlyList<string> Operations { get; } = ["Complete", "Undo", "Undo, PullBack", "Restart", "Start", "Repair"];

    // An outcome and who owns the slot then (S, T, or the master with the fewest slots), or that it is open; or the code of a refusal.
    private static readonly Dictionary<string, string[]> Rows = new()
    {
        ["Stable"] = ["SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "Restarted, open", "Skipped, S"],
        ["ImportingOnly"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["MigratingOnly"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["MigratingOnly, keys moved"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["Migrating, nothing moved"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Migrating"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Drained"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Drained, no key"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["FinishedOnTarget"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, T"],
        ["FinishedOnTarget, not heard"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, T"],
        ["FinishedOnSource"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "SlotStateUnsuitable", "SlotNotOwned", "Repaired, T"],
        ["StrayKeys"] = ["SlotStateUnsuitable", "RolledBack, S", "RolledBack, S", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, S"],
        ["StrayKeys, no flag"] = ["SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "Restarted, open", "Repaired, S"],
        ["ClaimedWithoutEpoch"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, S"],
        ["Unowned, no key"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotNotOwned", "Repaired, fewest slots"],
        ["Unowned, one holder"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotNotOwned", "Repaired, S"],
        ["Unowned, two holders"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotNotOwned", "SlotStateUnsuitable"],
        ["Tangled, two importers"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, T"],
        ["Tangled, other importer"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, T"],
        ["Tangled, to itself"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, S"],
        ["Tangled, from a third"] = ["SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, S"],
        ["Tangled, both flags on one"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "SlotStateUnsuitable", "SlotStateUnsuitable", "Repaired, T"],
    };

    public static string Expected(string state, string operation) => Rows[state][Operations.ToList().IndexOf(operation)];

    /// <summary>The table as the document has it, a line each.</summary>
    public static IEnumerable<string> Lines()
    {
        yield return "| state | signs | " + string.Join(" | ", Operations) + " |";
        yield return "|---|---|" + string.Concat(Operations.Select(_ => "---|"));
        foreach (var state in OpenStates.All)
            yield return "| " + state.Name + " | " + state.Signs + " | " + string.Join(" | ", Rows[state.Name]) + " |";
    }
}
