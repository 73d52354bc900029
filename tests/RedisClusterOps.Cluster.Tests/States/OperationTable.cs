using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>State × operation -> outcome, as docs/states.md shows it and the tests check it on real servers.</summary>
internal static class OperationTable
{
    private const string Unsuitable = nameof(FailureCode.SlotStateUnsuitable);

    /// <summary>The columns.</summary>
    public static IReadOnlyList<string> Operations { get; } = ["Complete", "Undo", "Undo, PullBack", "Restart", "Start", "Repair"];

    // An outcome and the owner afterwards (S, T, or the master with the fewest slots) or "open"; or the code of a refusal.
    private static readonly Dictionary<string, string[]> Rows = new()
    {
        ["Stable"] = ["SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "Restarted, open", "Skipped, S"],
        ["ImportingOnly"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["MigratingOnly"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["MigratingOnly, keys moved"] =
            ["Completed, T", "RolledBack, S", "RolledBack, S", "Restarted, open", "Restarted, open", "Repaired, T"],
        ["Migrating, nothing moved"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Migrating"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Drained"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["Drained, no key"] = ["Completed, T", "RolledBack, S", "RolledBack, S", "Skipped, open", "Skipped, open", "Repaired, T"],
        ["FinishedOnTarget"] = ["Completed, T", "RolledBack, S", "RolledBack, S", Unsuitable, Unsuitable, "Repaired, T"],
        ["FinishedOnTarget, not heard"] = ["Completed, T", "RolledBack, S", "RolledBack, S", Unsuitable, Unsuitable, "Repaired, T"],
        ["FinishedOnSource"] = ["Completed, T", "RolledBack, S", "RolledBack, S", Unsuitable, "SlotNotOwned", "Repaired, T"],
        ["StrayKeys"] = [Unsuitable, "RolledBack, S", "RolledBack, S", Unsuitable, Unsuitable, "Repaired, S"],
        ["StrayKeys, no flag"] = ["SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "SlotNotOpen", "Restarted, open", "Repaired, S"],
        ["ClaimedWithoutEpoch"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, Unsuitable, "Repaired, S"],
        ["Unowned, no key"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, "SlotNotOwned", "Repaired, fewest slots"],
        ["Unowned, one holder"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, "SlotNotOwned", "Repaired, S"],
        ["Unowned, two holders"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, "SlotNotOwned", Unsuitable],
        ["Tangled, two importers"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, Unsuitable, "Repaired, T"],
        ["Tangled, other importer"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, Unsuitable, "Repaired, T"],
        ["Tangled, to itself"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, Unsuitable, "Repaired, S"],
        ["Tangled, from a third"] = [Unsuitable, Unsuitable, Unsuitable, Unsuitable, Unsuitable, "Repaired, S"],
        ["Tangled, both flags on one"] = ["Completed, T", "RolledBack, S", "RolledBack, S", Unsuitable, Unsuitable, "Repaired, T"],
    };

    public static string Expected(string state, string operation) => Rows[state][Operations.ToList().IndexOf(operation)];

    /// <summary>The lines of the table in the document.</summary>
    public static IEnumerable<string> Lines()
    {
        yield return "| state | signs | " + string.Join(" | ", Operations) + " |";
        yield return "|---|---|" + string.Concat(Operations.Select(_ => "---|"));
        foreach (var state in OpenStates.All)
            yield return "| " + state.Name + " | " + state.Signs + " | " + string.Join(" | ", Rows[state.Name]) + " |";
    }
}
