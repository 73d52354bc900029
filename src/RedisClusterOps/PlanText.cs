using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>Plans as -WhatIf and -Confirm show them: what would be done, to which slots, and by which commands.</summary>
internal static class PlanText
{
    // A prompt that scrolls off the screen is answered unread. A rehearsal shows all.
    private const int MostAskedInFull = 5;

    /// <summary>In short, such as <c>complete: move 100 keys from A to B</c>.</summary>
    /// <param name="plans">Of one operation, between one pair of nodes.</param>
    public static string Action(IReadOnlyList<SlotPlan> plans)
    {
        var (plan, keys) = (plans[0], Sum(plans.Select(plan => plan.KeysOnSource)));
        var pair = plan.Target.Length == 0 ? ": look who holds keys" : plan.Source.Length == 0 ? " to " + plan.Target : " from " + plan.Source + " to " + plan.Target;
        return plan.Kind switch
        {
            MigrationOperation.Undo => "undo: bring back to " + plan.Source + " what went to " + plan.Target,
            MigrationOperation.Start => "start: open" + pair,
            MigrationOperation.Restart => "restart: open again" + pair,
            MigrationOperation.Repair => "repair" + pair,
            _ => plan.Operation.ToLowerInvariant() + ": move " + Keys(keys) + pair,
        };
    }

    /// <summary>Such as <c>slot 5519</c>, or <c>slots 5519-5521</c>.</summary>
    public static string Slots(IReadOnlyList<SlotPlan> plans) => (plans.Count == 1 ? "slot " : "slots ") + SlotSet.From(plans.Select(plan => plan.Slot));

    /// <summary>Every command of every plan, with the node that gets it and the reason it is there.</summary>
    public static string InFull(IReadOnlyList<SlotPlan> plans) => string.Concat(plans.Select(plan => InFull(plan, titled: plans.Count > 1)));

    /// <summary>The same of the first few plans, for who is asked.</summary>
    public static string InShort(IReadOnlyList<SlotPlan> plans) => plans.Count <= MostAskedInFull
        ? InFull(plans)
        : InFull(plans.Take(MostAskedInFull).ToList()) + Environment.NewLine + "  … and " + Number(plans.Count - MostAskedInFull) + " slots more; -WhatIf shows the commands of all.";

    /// <summary>What to know before it runs, what is only told and what is a warning; the same of several plans once.</summary>
    public static IEnumerable<(bool IsWarning, string Text)> Notices(IReadOnlyList<SlotPlan> plans) => plans
        .SelectMany(plan => plan.Warnings.Select(warning => (true, warning)).Concat(
            plan.Findings.Select(finding => (finding.Severity != FindingSeverity.Information, finding.Message + (finding.Advice is null ? string.Empty : " Next: " + finding.Advice)))))
        .Distinct();

    /// <summary>A count of keys for people; the server may not have told one.</summary>
    public static string Keys(long? count) => count switch
    {
        null => "the keys",
        1 => "1 key",
        _ => Number(count.Value) + " keys",
    };

    private static string InFull(SlotPlan plan, bool titled)
    {
        var text = new StringBuilder();
        if (titled)
            text.AppendLine().Append("  slot ").Append(Number(plan.Slot)).Append(plan.State is { } state ? " (" + state + ")" : string.Empty);
        var width = plan.Commands.Select(command => command.Node.Length).DefaultIfEmpty(0).Max();
        var number = 0;
        foreach (var command in plan.Commands)
        {
            text.AppendLine().AppendFormat(CultureInfo.InvariantCulture, "  {0,2}. {1}  {2}", ++number, command.Node.PadRight(width), command.Command);
            if (command.Why.Length > 0)
                text.AppendLine().Append("      ").Append(command.Why);
        }

        if (plan.IsPartial)
            text.AppendLine().Append("      Then the slot is read again, and what it shows decides the rest.");
        return text.ToString();
    }

    private static long? Sum(IEnumerable<long?> counts) => counts.Aggregate((long?)0, (sum, count) => sum + count);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
