using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>What ran on this cluster, and what the newest of it did to the owners.</summary>
internal static class MigrationSection
{
    private const int Most = 100;

    public static void Write(HtmlWriter page, ClusterReport report)
    {
        var ids = report.Chart.Masters.ToDictionary(master => master.Index, master => master.Id);
        var change = OwnerChange.Of(report.Runs, slot => ids.TryGetValue(report.Chart.OwnerOf(slot), out var id) ? id : null).FirstOrDefault();
        if (change is not null)
            WriteChange(page, report.Chart, change);
        page.Markup("<section>\n<h2>History of migrations</h2>\n");
        if (report.JournalTrouble is not null)
            page.Markup("<p class=\"bad\">").Text(report.JournalTrouble).Markup("</p>\n");
        else if (report.Runs.Count == 0)
            page.Markup("<p>The journal of this machine's user knows of none on this cluster.</p>\n");
        else
            WriteRuns(page, report.Runs);
        page.Markup("</section>\n");
    }

    private static void WriteChange(HtmlWriter page, SlotChart chart, OwnerChange change)
    {
        var index = chart.Masters.ToDictionary(master => master.Id, master => master.Index, StringComparer.Ordinal);
        var names = NamesOf(change.Run);
        page.Markup("<section>\n<h2>Before and after the last migration</h2>\n<p>").Text(change.Run.Operation + " " + change.Run.Id + ": ").Text(change.Moved.Count)
            .Markup(change.Moved.Count == 1 ? " slot" : " slots").Markup(" moved, begun ").Time(change.Run.Started).Markup(". What moved is underlined; the rest is shown as it is now.</p>\n<h3>Before</h3>\n");
        SlotSvg.WriteStrip(page, "Slots before the migration", chart.Masters.Count, slot => Index(change.Before[slot]), change.Moved);
        page.Markup("<h3>After</h3>\n");
        SlotSvg.WriteStrip(page, "Slots after the migration", chart.Masters.Count, slot => Index(change.After[slot]), change.Moved);
        page.Table("Slots of each master before and after", "Master", ">Before", ">After", ">Change");
        foreach (var id in change.Before.Concat(change.After).OfType<string>().Distinct().OrderBy(Index).ThenBy(id => id, StringComparer.Ordinal))
        {
            var (before, after) = (change.Before.Count(owner => owner == id), change.After.Count(owner => owner == id));
            page.Markup("<tr role=\"row\">").Cell("Master", cell => Master(cell, id)).Cell(">Before", HtmlWriter.Count(before)).Cell(">After", HtmlWriter.Count(after))
                .Cell(">Change", (after > before ? "+" : string.Empty) + HtmlWriter.Count(after - before)).Markup("</tr>\n");
        }

        page.EndTable().Markup("</section>\n");

        int Index(string? id) => id is null ? SlotChart.Nobody : index.TryGetValue(id, out var known) ? known : chart.Masters.Count;

        void Master(HtmlWriter cell, string id)
        {
            if (index.TryGetValue(id, out var known))
                cell.Swatch(chart.Masters[known]).Text(chart.Masters[known].Name);
            else
                cell.Markup("<span class=\"swatch gone\">–</span>").Text((names.TryGetValue(id, out var name) ? name : id) + ", gone since");
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
        page.Table("Migrations, newest first", "Run", "Operation", "State", ">Slots done", ">Left", ">Failed", ">Keys moved", "Begun", "Last progress", "By");
        foreach (var run in runs.Take(Most))
        {
            page.Markup("<tr role=\"row\">").Cell("Run", run.Id).Cell("Operation", run.Operation)
                .Cell("State", cell => cell.Markup(run.State is MigrationState.Failed or MigrationState.Interrupted ? "<span class=\"bad\">" : "<span>")
                    .Text(run.State + (run.IsResumable ? ", can be gone on with" : string.Empty)).Markup("</span>"))
                .Cell(">Slots done", HtmlWriter.Count(run.SlotsDone) + " of " + HtmlWriter.Count(run.SlotCount)).Cell(">Left", HtmlWriter.Count(run.SlotsLeft))
                .Cell(">Failed", HtmlWriter.Count(run.SlotsFailed)).Cell(">Keys moved", HtmlWriter.Count(run.KeysMoved) + (run.KeysPlanned is { } planned && run.SlotsLeft > 0 ? " of about " + HtmlWriter.Count(planned) : string.Empty))
                .Cell("Begun", cell => cell.Time(run.Started)).Cell("Last progress", cell => cell.Time(run.LastProgress))
                .Cell("By", run.User is null ? null : run.User + (run.Host is null ? string.Empty : " on " + run.Host)).Markup("</tr>\n");
        }

        page.EndTable();
        ReportPage.More(page, runs.Count - Most, NextActionCode.ShowRuns);
    }
}

/// <summary>What a run of the journal did to the owners of slots.</summary>
/// <param name="Before">Of each slot its owner's id before the run; null where that is not known, or there was none.</param>
/// <param name="After">The same after it.</param>
internal sealed record OwnerChange(RedisMigration Run, IReadOnlyList<string?> Before, IReadOnlyList<string?> After)
{
    /// <summary>The slots that have another owner since.</summary>
    public SlotSet Moved { get; } = SlotSet.From(Enumerable.Range(0, Before.Count).Where(slot => Before[slot] != After[slot]));

    /// <summary>The runs that gave slots to other owners, newest first, each with the owners before and after it.</summary>
    /// <param name="runs">Newest first.</param>
    /// <param name="ownerOf">Who owns a slot now.</param>
    /// <remarks>From what is now each run is taken back, the newest first. The journal knows only our own runs, so what another tool moved in between is not seen as its doing.</remarks>
    public static IEnumerable<OwnerChange> Of(IEnumerable<RedisMigration> runs, Func<int, string?> ownerOf)
    {
        var now = Enumerable.Range(0, HashSlot.Count).Select(ownerOf).ToArray();
        foreach (var run in runs)
        {
            var (before, after) = ((string?[])now.Clone(), (string?[])now.Clone());
            foreach (var slot in run.Slots.Where(slot => slot is { IsDone: true, OwnerId.Length: > 0, Outcome: not MigrationOutcome.Skipped }))
            {
                before[slot.Slot] = slot.OwnerId;
                // Whoever has it now, this is where the run brought it.
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
