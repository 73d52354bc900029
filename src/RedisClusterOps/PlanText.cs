using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace RedisClusterOps;

/// <summary>The texts that -WhatIf and -Confirm show for slot plans: the action, the slots and the commands.</summary>
internal static class PlanText
{
    // A prompt that scrolls off the screen is answered unread. -WhatIf shows everything.
    private const int MostGroupsInPrompt = 5;
    private const int MostCommandsInPrompt = 10;

    /// <summary>A short form, such as <c>complete: move 100 keys from A to B</c>.</summary>
    /// <param name="plans">Plans with the same operation, source and target.</param>
    public static string Action(IReadOnlyList<SlotPlan> plans)
    {
        var (plan, keys) = (plans[0], Sum(plans.Select(plan => plan.KeysOnSource)));
        var pair = plan.Target.Length == 0
            ? ": find the masters that hold keys"
            : (plan.Source.Length == 0 ? string.Empty : " from " + plan.Source) + " to " + plan.Target;
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
    public static string Slots(IReadOnlyList<SlotPlan> plans) =>
        (plans.Count == 1 ? "slot " : "slots ") + SlotRange.TextOf(plans.Select(plan => plan.Slot));

    /// <summary>The commands, with their node and reason: of the first slot of those that differ only in its number.</summary>
    public static string InFull(IReadOnlyList<SlotPlan> plans) =>
        string.Concat(Alike(plans).Select(alike => InFull(alike, titled: plans.Count > 1)));

    /// <summary>The commands of a change of members or roles, with their nodes and reasons.</summary>
    /// <param name="commands">The commands.</param>
    /// <param name="isPrompt">True to leave out commands that would not fit on a screen.</param>
    public static string InFull(IReadOnlyList<PlannedCommand> commands, bool isPrompt)
    {
        var text = new StringBuilder();
        var shown = isPrompt && commands.Count > MostCommandsInPrompt ? commands.Take(MostCommandsInPrompt).ToList() : commands;
        Append(text, shown);
        if (shown.Count < commands.Count)
        {
            text.AppendLine().Append("  … and ").Append(Number(commands.Count - shown.Count))
                .Append(" more commands; -WhatIf shows all.");
        }

        return text.ToString();
    }

    /// <summary>The commands of the first few groups of slots, for a prompt.</summary>
    public static string InShort(IReadOnlyList<SlotPlan> plans)
    {
        var groups = Alike(plans);
        var rest = groups.Skip(MostGroupsInPrompt).Sum(alike => alike.Count);
        return string.Concat(groups.Take(MostGroupsInPrompt).Select(alike => InFull(alike, titled: plans.Count > 1)))
            + (rest == 0 ? string.Empty : Environment.NewLine + "  … and " + Number(rest) + " more slots; -WhatIf shows their commands.");
    }

    /// <summary>The commands of a bulk move: of its first slot, or of all if the servers move them themselves.</summary>
    public static string Commands(RedisSlotMove move)
    {
        var (text, commands) = (new StringBuilder(), RedisCluster.CommandsOf(move));
        Append(text, commands);
        if (commands.Count > 1 && move.SlotCount > 1)
            text.AppendLine().Append("  … the same for ").Append(OtherSlots(move.SlotCount - 1)).Append('.');
        return text.ToString();
    }

    private static List<List<SlotPlan>> Alike(IReadOnlyList<SlotPlan> plans) =>
        plans.GroupBy(WithoutSlot).Select(alike => alike.ToList()).ToList();

    private static string WithoutSlot(SlotPlan plan)
    {
        var slot = Number(plan.Slot);
        return plan.State + string.Concat(plan.Commands.Select(command =>
            "\n" + command.Node + " " + string.Join(" ", command.Command.Split(' ').Select(word => word == slot ? "#" : word))));
    }

    /// <summary>The warnings and findings of plans, each as a warning or as information, without duplicates.</summary>
    public static IEnumerable<(bool IsWarning, string Text)> Notices(IReadOnlyList<SlotPlan> plans) => plans
        .SelectMany(plan => plan.Warnings.Select(warning => (true, warning)).Concat(plan.Findings.Select(Notice))
            .Select(notice => (Notice: notice, plan.Slot, Alike: notice.Item2.Replace("slot " + Number(plan.Slot), "slot #"))))
        .GroupBy(each => (each.Notice.Item1, each.Alike))
        .Select(alike => alike.Count() == 1 || !alike.Key.Alike.Contains("slot #")
            ? alike.First().Notice
            : (alike.Key.Item1, alike.Key.Alike.Replace("slot #", "slots " + SlotRange.TextOf(alike.Select(each => each.Slot)))));

    /// <summary>One finding: information stays information, everything else is a warning.</summary>
    public static (bool IsWarning, string Text) Notice(PlanFinding finding) => (
        finding.Severity != FindingSeverity.Information,
        finding.Message + (finding.Advice is null ? string.Empty : " Next: " + finding.Advice));

    /// <summary>A number of keys for people; null if the server reported none.</summary>
    public static string Keys(long? count) => count switch
    {
        null => "the keys",
        1 => "1 key",
        _ => Number(count.Value) + " keys",
    };

    private static string InFull(List<SlotPlan> alike, bool titled)
    {
        var (plan, text) = (alike[0], new StringBuilder());
        if (titled)
        {
            text.AppendLine().Append("  slot ").Append(Number(plan.Slot));
            text.Append(plan.State is { } state ? " (" + state + ")" : string.Empty);
        }

        Append(text, RedisCluster.CommandsOf(plan, forMany: alike.Count > 1));
        if (plan.IsPartial)
            text.AppendLine().Append("      The slot is then read again, and its state determines the remaining steps.");
        if (alike.Count > 1)
        {
            text.AppendLine().Append("  … the same for ").Append(OtherSlots(alike.Count - 1)).Append(": ");
            text.Append(SlotRange.TextOf(alike.Skip(1).Select(other => other.Slot)));
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, IReadOnlyList<PlannedCommand> commands)
    {
        var width = commands.Select(command => command.Node.Length).DefaultIfEmpty(0).Max();
        var number = 0;
        foreach (var command in commands)
        {
            text.AppendLine();
            text.AppendFormat(CultureInfo.InvariantCulture, "  {0,2}. {1}  {2}", ++number, command.Node.PadRight(width), command.Command);
            if (command.Why.Length > 0)
                text.AppendLine().Append("      ").Append(command.Why);
        }
    }

    private static string OtherSlots(int count) => Number(count) + (count == 1 ? " other slot" : " other slots");

    private static long? Sum(IEnumerable<long?> counts) => counts.Aggregate((long?)0, (sum, count) => sum + count);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
