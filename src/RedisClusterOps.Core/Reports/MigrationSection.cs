using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>The runs on this cluster, and how the newest one changed the owners of slots.</summary>
internal static class MigrationSection
{
    private const int Most = 100;

    public static void Write(HtmlWriter page, ClusterReport report)
    {
        var ids = report.Chart.Masters.ToDictionary(master => master.Index, master => master.Id);
        if (OwnerChange.Of(report.Runs, OwnerOf).FirstOrDefault() is { } change)
            WriteChange(page, report.Chart, change);
        page.Markup("<section>\n<h2>History of migrations</h2>\n");
        if (report.JournalTrouble is not null)
            page.Markup("<p class=\"bad\">").Text(report.JournalTrouble).Markup("</p>\n");
        else if (report.Runs.Count == 0)
            page.Markup("<p>The journal of this machine's user has no migration of this cluster.</p>\n");
        else
            WriteRuns(page, report.Runs);
        page.Markup("</section>\n");

        string? OwnerOf(int slot) => ids.TryGetValue(report.Chart.OwnerOf(slot), out var id) ? id : null;
    }

    private static void WriteChange(HtmlWriter page, SlotChart chart, OwnerChange change)
    {
        var index = chart.Masters.ToDictionary(master => master.Id, master => master.Index, StringComparer.Ordinal);
        var names = NamesOf(change.Run);
        page.Markup("<section>\n<h2>Before and after the last migration</h2>\n<p>")
            .Text(change.Run.Operation + " " + change.Run.Id + ": ").Text(change.Moved.Count)
            .Markup(change.Moved.Count == 1 ? " slot" : " slots").Markup(" moved, started ").Time(change.Run.Started)
            .Markup(". Moved slots are underlined; the others are shown as they are now.</p>\n<h3>Before</h3>\n");
        SlotSvg.WriteStrip(page, "Slots before the migration", chart.Masters.Count, slot => Index(change.Before[slot]), change.Moved);
        page.Markup("<h3>After</h3>\n");
        SlotSvg.WriteStrip(page, "Slots after the migration", chart.Masters.Count, slot => Index(change.After[slot]), change.Moved);
        page.Table("Slots of each master before and after", "Master", ">Before", ">After", ">Change");
        var owners = change.Before.Concat(change.After).OfType<string>().Distinct();
        foreach (var id in owners.OrderBy(Index).ThenBy(id => id, StringComparer.Ordinal))
        {
            var (before, after) = (change.Before.Count(owner => owner == id), change.After.Count(owner => owner == id));
            page.Markup("<tr role=\"row\">").Cell("Master", cell => Master(cell, id))
                .Cell(">Before", HtmlWriter.Count(before)).Cell(">After", HtmlWriter.Count(after))
                .Cell(">Change", (after > before ? "+" : string.Empty) + HtmlWriter.Count(after - before)).Markup("</tr>\n");
        }

        page.EndTable().Markup("</section>\n");

        int Index(string? id) => id is null ? SlotChart.NoOwner : index.TryGetValue(id, out var known) ? known : chart.Masters.Count;

        void Master(HtmlWriter cell, string id)
        {
            if (index.TryGetValue(id, out var known))
                cell.Swatch(chart.Masters[known]).Text(chart.Masters[known].Name);
            else
            {
                cell.Markup("<span class=\"swatch gone\">–</span>")
                    .Text((names.TryGetValue(id, out var name) ? name : id) + ", no longer a master");
            }
        }
    }

    private static Dictionary<string, string> NamesOf(RedisMigration run)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var slot in run.Slots)
        {
            if (slot is { SourceId: not null, Source: not null })
                names[slot.SourceId] = slot.Source;
            if (slot is { TargetId: not null, Target: not null })
                names[slot.TargetId] = slot.Target;
        }

        return names;
    }

    private static void WriteRuns(HtmlWriter page, IReadOnlyList<RedisMigration> runs)
    {
        page.Table(
            "Migrations, newest first",
            "Run", "Operation", "State", ">Slots done", ">Left", ">Failed", ">Keys moved", "Started", "Last progress", "By");
        foreach (var run in runs.Take(Most))
        {
            var planned = run.KeysPlanned is { } keys && run.SlotsLeft > 0 ? " of about " + HtmlWriter.Count(keys) : string.Empty;
            page.Markup("<tr role=\"row\">").Cell("Run", run.Id).Cell("Operation", run.Operation).Cell("State", cell => State(cell, run))
                .Cell(">Slots done", HtmlWriter.Count(run.SlotsDone) + " of " + HtmlWriter.Count(run.SlotCount))
                .Cell(">Left", HtmlWriter.Count(run.SlotsLeft)).Cell(">Failed", HtmlWriter.Count(run.SlotsFailed))
                .Cell(">Keys moved", HtmlWriter.Count(run.KeysMoved) + planned)
                .Cell("Started", cell => cell.Time(run.Started)).Cell("Last progress", cell => cell.Time(run.LastProgress))
                .Cell("By", run.User is null ? null : run.User + (run.Host is null ? string.Empty : " on " + run.Host)).Markup("</tr>\n");
        }

        page.EndTable();
        ReportPage.More(page, runs.Count - Most, NextActionCode.ShowRuns);
    }

    private static void State(HtmlWriter cell, RedisMigration run) =>
        cell.Markup(run.State is MigrationState.Failed or MigrationState.Interrupted ? "<span class=\"bad\">" : "<span>")
            .Text(run.State + (run.IsResumable ? ", can be resumed" : string.Empty)).Markup("</span>");
}

/// <summary>How a run of the journal changed the owners of slots.</summary>
/// <param name="Run">The run.</param>
/// <param name="Before">The id of each slot's owner before the run; null if it is unknown or there was none.</param>
/// <param name="After">The same after the run.</param>
internal sealed record OwnerChange(RedisMigration Run, IReadOnlyList<string?> Before, IReadOnlyList<string?> After)
{
    /// <summary>The slots whose owner changed.</summary>
    public SlotSet Moved { get; } = SlotSet.From(Enumerable.Range(0, Before.Count).Where(slot => Before[slot] != After[slot]));

    /// <summary>Gets the runs that changed owners, newest first, each with the owners before and after it.</summary>
    /// <param name="runs">Newest first.</param>
    /// <param name="ownerOf">The present owner of a slot.</param>
    /// <remarks>
    /// Starts with the present owners and reverts one run after the other. The journal has only our own runs, so the
    /// moves of other tools in between are not attributed to them.
    /// </remarks>
    public static IEnumerable<OwnerChange> Of(IEnumerable<RedisMigration> runs, Func<int, string?> ownerOf)
    {
        var now = Enumerable.Range(0, HashSlot.Count).Select(ownerOf).ToArray();
        foreach (var run in runs)
        {
            var (before, after) = ((string?[])now.Clone(), (string?[])now.Clone());
            var done = run.Slots.Where(slot => slot is { IsDone: true, OwnerId.Length: > 0, Outcome: not MigrationOutcome.Skipped });
            foreach (var slot in done)
            {
                before[slot.Slot] = slot.OwnerId;
                // The run moved the slot to this target, whatever its present owner is.
                if (slot.Outcome is MigrationOutcome.Completed or MigrationOutcome.Moved && slot.TargetId is { Length: > 0 })
                    after[slot.Slot] = slot.TargetId;
            }

            now = before;
            var change = new OwnerChange(run, before, after);
            if (change.Moved.Count > 0)
                yield return change;
        }
    }
}
