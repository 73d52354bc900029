using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>The beginning of a run deletes old finished runs. Runs that can be resumed, or undone within the retention, stay.</summary>
public sealed class JournalRetentionTests : IDisposable
{
    private const int Kept = JournalRetention.LeastRuns;

    private readonly TestJournal _journal = new();

    [Fact]
    public void The_newest_200_finished_runs_stay_regardless_of_their_age()
    {
        var ids = Finished(Kept + 5);
        Later(JournalRetention.LeastAge + TimeSpan.FromDays(1));
        using var run = _journal.Begin();
        Assert.Equal([.. ids.Skip(5), run.Id], Ids());
    }

    [Fact]
    public void Runs_of_the_last_90_days_stay_regardless_of_their_number()
    {
        var ids = Finished(Kept + 5);
        Later(JournalRetention.LeastAge - TimeSpan.FromDays(1));
        using var run = _journal.Begin();
        Assert.Equal([.. ids, run.Id], Ids());
    }

    [Fact]
    public void A_run_that_can_be_resumed_is_never_deleted()
    {
        var left = Run(5, MigrationOutcome.Failed);
        var planned = Run(6, null);
        var opened = Run(7, MigrationOutcome.Restarted);
        var ids = Finished(Kept + 5);
        Later(TimeSpan.FromDays(1000));
        using var run = _journal.Begin();
        Assert.Equal([left, planned, opened, .. ids.Skip(5), run.Id], Ids());
    }

    // Otherwise a resume of the older run would move a slot that was finished later.
    [Fact]
    public void A_run_that_finished_slots_of_a_run_that_stays_stays_too()
    {
        string left;
        using (var two = _journal.Begin())
        {
            left = two.Id;
            two.Intend(TestJournal.Entry(5));
            two.Intend(TestJournal.Entry(6));
        }

        var finisher = Run(5, MigrationOutcome.Completed);
        var ids = Finished(Kept + 5);
        Later(TimeSpan.FromDays(1000));
        using var run = _journal.Begin();
        Assert.Equal([left, finisher, .. ids.Skip(5), run.Id], Ids());
        Assert.Equal([6], new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA]).Keys);
    }

    [Fact]
    public void A_run_that_a_later_run_finished_is_deleted_like_a_finished_run()
    {
        Run(5, MigrationOutcome.Failed);
        Run(5, MigrationOutcome.Completed);
        var ids = Finished(Kept);
        Later(TimeSpan.FromDays(1000));
        using var run = _journal.Begin();
        Assert.Equal([.. ids, run.Id], Ids());
        Assert.Empty(new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA]));
    }

    [Fact]
    public void A_damaged_run_and_files_that_are_no_runs_stay()
    {
        var path = _journal.Write([.. "damage\n"u8], "20250101T090000Z-00000a");
        var notes = Path.Combine(_journal.Folder.Runs, "notes.txt");
        File.WriteAllText(notes, "mine");
        Finished(Kept + 5);
        Later(TimeSpan.FromDays(1000));
        using var run = _journal.Begin();
        Assert.True(File.Exists(path) && File.Exists(notes));
    }

    public void Dispose() => _journal.Dispose();

    private void Later(TimeSpan time) => _journal.Now += time;

    private List<string> Finished(int count) =>
        [.. Enumerable.Range(0, count).Select(number => Run(100 + number, MigrationOutcome.Completed))];

    private string Run(int slot, MigrationOutcome? outcome)
    {
        using var run = _journal.Begin();
        run.Intend(TestJournal.Entry(slot));
        if (outcome is { } known)
            Assert.Null(run.Outcome(TestJournal.Result(slot, known)));
        return run.Id;
    }

    private IEnumerable<string> Ids() => Directory.GetFiles(_journal.Folder.Runs, "*.jsonl")
        .Select(path => Path.GetFileNameWithoutExtension(path))
        .Order(StringComparer.Ordinal);
}
