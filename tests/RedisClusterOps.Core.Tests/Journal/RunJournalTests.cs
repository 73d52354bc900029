using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

public sealed class RunJournalTests : IDisposable
{
    private readonly TestJournal _journal = new();

    [Fact]
    public void A_run_of_whole_slots_reports_progress_by_the_planned_keys()
    {
        _journal.Now = _journal.Now.AddSeconds(1);
        using var run = RunJournal.Begin(
            _journal.Folder, TestJournal.Header(MigrationOperation.Rebalance) with { Strategy = "Whole" }, () => _journal.Now);
        run.Planned([
            (TestJournal.Entry(0) with { Keys = 900 }, Enumerable.Range(0, 100)),
            (TestJournal.Entry(0) with { Keys = 100 }, Enumerable.Range(200, 100))]);
        run.Intend(TestJournal.Entry(0) with { Keys = null }, Enumerable.Range(0, 100));
        var planned = _journal.Only();
        Assert.Equal((1000, 1000, 0), (planned.KeysPlanned, planned.KeysLeft, planned.PercentComplete));
        // One slot of two hundred, but a quarter of the keys.
        _journal.Now = _journal.Now.AddSeconds(10);
        Assert.Null(run.Outcome(TestJournal.Result(7, MigrationOutcome.Moved, 250)));
        var begun = _journal.Only();
        Assert.Equal((1, 750, 25), (begun.SlotsDone, begun.KeysLeft, begun.PercentComplete));
        Assert.All(begun.Slots, slot => Assert.Null(slot.KeysLeft));
        Assert.Equal((25.0, TimeSpan.FromSeconds(30)), (begun.KeysPerSecond, begun.TimeLeft));
        // Clients added keys: more keys moved than planned, and the run is not complete.
        Assert.Null(run.Outcome(TestJournal.Result(8, MigrationOutcome.Moved, 5000)));
        Assert.Equal((0, 99), (_journal.Only().KeysLeft, _journal.Only().PercentComplete));
        foreach (var slot in begun.Slots)
            Assert.Null(run.Outcome(TestJournal.Result(slot.Slot, MigrationOutcome.Moved, 1)));
        Assert.Equal((0, 100), (_journal.Only().KeysLeft, _journal.Only().PercentComplete));
    }

    // A partial estimate is none: older versions wrote none, and a pair may not have been counted.
    [Fact]
    public void If_a_pair_was_not_counted_the_progress_is_by_slots()
    {
        _journal.Now = _journal.Now.AddSeconds(1);
        using var run = RunJournal.Begin(
            _journal.Folder, TestJournal.Header(MigrationOperation.Rebalance) with { Strategy = "Whole" }, () => _journal.Now);
        run.Planned([(TestJournal.Entry(0) with { Keys = 900 }, [0]), (TestJournal.Entry(0) with { Keys = null }, [1, 2, 3])]);
        Assert.Null(run.Outcome(TestJournal.Result(1, MigrationOutcome.Moved, 5)));
        var read = _journal.Only();
        Assert.Equal((null, null, 25), (read.KeysPlanned, read.KeysLeft, read.PercentComplete));
    }

    [Fact]
    public void A_run_records_the_outcome_of_each_slot()
    {
        string id;
        using (var run = _journal.Begin(MigrationOperation.Complete))
        {
            id = run.Id;
            run.Planned([TestJournal.Entry(5), TestJournal.Entry(7)]);
            _journal.Now = _journal.Now.AddMinutes(1);
            run.Intend(TestJournal.Entry(5));
            Assert.Null(run.Outcome(TestJournal.Result(5, MigrationOutcome.Completed, 100)));
            run.Intend(TestJournal.Entry(7));
            Assert.Null(
                run.Outcome(TestJournal.Result(7, MigrationOutcome.Failed, 3, "the target is full"), FailureCode.TargetOutOfMemory));
            _journal.Now = _journal.Now.AddMinutes(1);
        }

        var migration = _journal.Only();
        Assert.Equal(id, migration.Id);
        Assert.Equal("Complete", migration.Operation);
        Assert.Equal(MigrationState.Failed, migration.State);
        Assert.Equal(_journal.Now.AddMinutes(-2), migration.Started);
        Assert.Equal(_journal.Now, migration.Ended);
        Assert.Equal(DateTimeKind.Utc, migration.Started.Kind);
        Assert.Equal(
            (2, 1, 1, 0, 103L),
            (migration.SlotCount, migration.SlotsDone, migration.SlotsFailed, migration.SlotsLeft, migration.KeysMoved));
        Assert.True(migration.IsResumable);
        Assert.Equal(
            (Environment.UserName, Environment.MachineName, Environment.ProcessId), (migration.User, migration.Host, migration.ProcessId));
        Assert.Equal(["10.0.0.1:6379"], migration.Seeds);
        Assert.Equal(id + " Complete Failed, 1 of 2 slots", migration.ToString());
        var failed = migration.Slots[1];
        Assert.Equal(
            (7, MigrationOutcome.Failed, FailureCode.TargetOutOfMemory, "the target is full"),
            (failed.Slot, failed.Outcome, failed.Failure, failed.Reason));
        Assert.Equal(
            (TestJournal.NodeA, "10.0.0.1:6379", TestJournal.NodeB, "10.0.0.2:6379"),
            (failed.SourceId, failed.Source, failed.TargetId, failed.Target));
        Assert.Equal(migration.Started.AddMinutes(1), failed.Since);
    }

    // The limit on the cost of a line must not hide the outcomes of a run that deferred many slots.
    [Fact]
    public void Thousands_of_lines_of_few_slots_each_are_read_to_the_end()
    {
        using (var run = _journal.Begin(MigrationOperation.Rebalance))
        {
            for (var slot = 0; slot < 1_500; slot++)
                run.Intend(TestJournal.Entry(0, MigrationOperation.Rebalance), [slot]);
            var results = Enumerable.Range(0, 1_500).Select(slot => TestJournal.Result(slot, MigrationOutcome.Moved));
            Assert.Null(run.Outcomes([.. results.Select(result => (result, (FailureCode?)null))]));
        }

        Assert.Equal(
            (0, 1_500, MigrationState.Completed), (_journal.Only().DamagedLines, _journal.Only().SlotsDone, _journal.Only().State));
    }

    // A line costs microseconds to write and to read, and a rebalance has thousands of slots.
    [Fact]
    public void Equal_outcomes_share_a_line_and_each_slot_has_its_own()
    {
        using (var run = _journal.Begin(MigrationOperation.Rebalance))
        {
            run.Intend(TestJournal.Entry(0, MigrationOperation.Rebalance), Enumerable.Range(0, 1000));
            Assert.Null(run.Outcomes([.. Enumerable.Range(0, 1000).Select(slot => slot == 500
                ? (TestJournal.Result(slot, MigrationOutcome.Failed, 3, "the target is full"), (FailureCode?)FailureCode.TargetOutOfMemory)
                : (TestJournal.Result(slot, MigrationOutcome.Moved, slot % 3), (FailureCode?)null))]));
        }

        var migration = _journal.Only();
        Assert.Equal(4, File.ReadLines(migration.Path).Count(line => line.Contains("\"outcome\":", StringComparison.Ordinal)));
        Assert.Equal((999, 1, 0), (migration.SlotsDone, migration.SlotsFailed, migration.DamagedLines));
        Assert.All(
            migration.Slots.Where(slot => slot.Slot != 500),
            slot => Assert.Equal(
                (MigrationOutcome.Moved, slot.Slot % 3, (FailureCode?)null),
                (slot.Outcome, slot.KeysMoved, slot.Failure)));
        Assert.Equal(
            (3, FailureCode.TargetOutOfMemory, "the target is full"),
            (migration.Slots[500].KeysMoved, migration.Slots[500].Failure, migration.Slots[500].Reason));
    }

    [Fact]
    public void A_run_is_running_until_it_ends()
    {
        var run = _journal.Begin();
        run.Intend(TestJournal.Entry(5));
        Assert.Equal(MigrationState.Running, _journal.Only().State);
        Assert.False(_journal.Only().IsResumable);
        run.Outcome(TestJournal.Result(5, MigrationOutcome.Completed));
        run.Dispose();
        Assert.Equal(MigrationState.Completed, _journal.Only().State);
        Assert.False(_journal.Only().IsResumable);
    }

    [Theory]
    [InlineData(null, null, MigrationState.Stopped)]
    [InlineData(MigrationOutcome.Failed, FailureCode.Stopped, MigrationState.Stopped)]
    [InlineData(MigrationOutcome.Failed, FailureCode.StalePlan, MigrationState.Failed)]
    [InlineData(MigrationOutcome.Skipped, null, MigrationState.Completed)]
    [InlineData(MigrationOutcome.RolledBack, null, MigrationState.Completed)]
    public void The_state_follows_from_the_outcomes(MigrationOutcome? outcome, FailureCode? failure, MigrationState state)
    {
        using (var run = _journal.Begin())
        {
            run.Planned([TestJournal.Entry(5)]);
            run.Intend(TestJournal.Entry(5));
            if (outcome is { } known)
                run.Outcome(TestJournal.Result(5, known), failure);
        }

        Assert.Equal(state, _journal.Only().State);
    }

    [Fact]
    public void Progress_is_written_at_most_every_two_seconds()
    {
        using var run = _journal.Begin();
        run.Intend(TestJournal.Entry(5));
        for (var keys = 1; keys <= 50; keys++)
        {
            run.Progress(5, keys, 100 - keys);
            _journal.Now = _journal.Now.AddMilliseconds(100);
        }

        // At 0 s, 2 s and 4 s.
        Assert.Equal(3, LinesOf(run).Count(line => line.Contains("\"progress\"")));
        var slot = Assert.Single(_journal.Only().Slots);
        Assert.Equal((41L, 59L, (MigrationOutcome?)null), (slot.KeysMoved, slot.KeysLeft, slot.Outcome));
    }

    [Fact]
    public void A_run_can_be_read_while_many_threads_write_it()
    {
        using var run = _journal.BeginSlot();
        var writing = Task.Run(() => Parallel.For(0, 200, slot =>
        {
            run.Intend(TestJournal.Entry(slot));
            run.Progress(slot, 1, 1);
            Assert.Null(run.Outcome(TestJournal.Result(slot, MigrationOutcome.Completed, 2)));
        }), TestContext.Current.CancellationToken);
        var reads = 0;
        do
        {
            var now = _journal.Only();
            Assert.Equal((0, MigrationState.Running), (now.DamagedLines, now.State));
            reads++;
        }
        while (!writing.IsCompleted);
        Assert.True(writing.IsCompletedSuccessfully, writing.Exception?.ToString());
        Assert.True(reads > 1);
        Assert.Equal((200, 200, 400L), (_journal.Only().SlotCount, _journal.Only().SlotsDone, _journal.Only().KeysMoved));
    }

    public void Dispose() => _journal.Dispose();

    private static string[] LinesOf(RunJournal run) => ReadShared(run.Path).Split('\n');

    internal static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
