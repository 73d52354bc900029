using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

public sealed class JournalReaderTests : IDisposable
{
    private readonly TestJournal _journal = new();

    [Fact]
    public void A_missing_folder_has_no_runs()
    {
        Assert.Empty(_journal.Read());
        Assert.Empty(new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA]));
    }

    [Fact]
    public void Runs_are_listed_newest_first()
    {
        var ids = Enumerable.Range(0, 5).Select(_ => Run(MigrationOperation.Complete, 5, MigrationOutcome.Completed)).ToArray();
        Assert.Equal(ids.Reverse(), _journal.Read().Select(run => run.Id));
    }

    [Fact]
    public void A_run_is_found_by_its_id_or_by_a_unique_beginning()
    {
        var first = Run(MigrationOperation.Complete, 5, MigrationOutcome.Completed);
        var second = Run(MigrationOperation.Undo, 5, MigrationOutcome.RolledBack);
        Assert.Equal(first, new JournalReader(_journal.Folder).Find(first).Id);
        Assert.Equal(second, new JournalReader(_journal.Folder).Find(second[..17]).Id);

        foreach (var vague in new[] { "", "2026", first[..14] })
            Assert.Contains(first, NotFound(vague).Message);
        Assert.Contains("no run '2027'", NotFound("2027").Message);
        Assert.Contains("no run '../x'", NotFound("../x").Message);
        Assert.Contains("no run '" + first + ".jsonl'", NotFound(first + ".jsonl").Message);
    }

    [Fact]
    public void An_open_intent_is_that_of_the_newest_unfinished_run()
    {
        Run(MigrationOperation.Complete, 5, MigrationOutcome.Failed);
        var since = _journal.Now;
        var undo = Run(MigrationOperation.Undo, 5, null);
        var open = Intents()[5];
        Assert.Equal((undo, "Undo", since), (open.RunId, open.Slot.Operation, open.Since));
        Assert.Equal((TestJournal.NodeA, TestJournal.NodeB), (open.Slot.SourceId, open.Slot.TargetId));
    }

    [Theory]
    [InlineData("Complete", MigrationOutcome.Completed)]
    [InlineData("Undo", MigrationOutcome.RolledBack)]
    [InlineData("Repair", MigrationOutcome.Repaired)]
    [InlineData("Move", MigrationOutcome.Moved)]
    [InlineData("Complete", MigrationOutcome.Skipped)]
    public void A_success_closes_a_slot_that_older_runs_left_open(string operation, MigrationOutcome outcome)
    {
        Run(MigrationOperation.Complete, 5, null);
        Assert.Single(Intents());
        Run(Enum.Parse<MigrationOperation>(operation), 5, outcome);
        Assert.Empty(Intents());
    }

    [Theory]
    [InlineData("Start", MigrationOutcome.Restarted)]
    [InlineData("Restart", MigrationOutcome.Restarted)]
    [InlineData("Restart", MigrationOutcome.Skipped)]
    [InlineData("Complete", MigrationOutcome.Failed)]
    public void An_operation_that_leaves_the_slot_open_stays_an_intent(string operation, MigrationOutcome outcome)
    {
        Run(Enum.Parse<MigrationOperation>(operation), 5, outcome);
        Assert.Equal(operation, Intents()[5].Slot.Operation);
    }

    [Fact]
    public void A_slot_that_was_opened_again_after_a_success_is_open_since_then()
    {
        Run(MigrationOperation.Complete, 5, null);
        Run(MigrationOperation.Complete, 5, MigrationOutcome.Completed);
        Run(MigrationOperation.Start, 5, MigrationOutcome.Restarted);
        Assert.Equal(_journal.Now, Intents()[5].Since);
    }

    [Fact]
    public void A_slot_that_was_only_planned_is_no_intent()
    {
        using (var run = _journal.Begin())
            run.Planned([TestJournal.Entry(5)]);
        Assert.Empty(Intents());
        Assert.True(_journal.Only().IsResumable);
    }

    [Fact]
    public void Runs_of_other_clusters_do_not_count_and_a_common_node_makes_it_the_same_cluster()
    {
        Run(MigrationOperation.Complete, 5, null);
        Assert.Empty(new JournalReader(_journal.Folder).OpenIntents(["c000000000000000000000000000000000000003"]));
        Assert.Single(new JournalReader(_journal.Folder).OpenIntents(["c000000000000000000000000000000000000003", TestJournal.NodeB]));
    }

    [Fact]
    public void A_run_of_every_slot_is_read_completely()
    {
        using (var run = _journal.Begin())
        {
            run.Planned(Enumerable.Range(0, 16384).Select(slot => TestJournal.Entry(slot)));
            run.Intend(TestJournal.Entry(0));
            run.Outcome(TestJournal.Result(0, MigrationOutcome.Completed, 1));
        }

        var migration = _journal.Only();
        Assert.Equal(
            (16384, 1, 16383, MigrationState.Stopped), (migration.SlotCount, migration.SlotsDone, migration.SlotsLeft, migration.State));
    }

    public void Dispose() => _journal.Dispose();

    private string Run(MigrationOperation operation, int slot, MigrationOutcome? outcome)
    {
        using var run = _journal.Begin(operation);
        run.Intend(TestJournal.Entry(slot, operation));
        if (outcome is { } known)
            run.Outcome(TestJournal.Result(slot, known));
        return run.Id;
    }

    private IReadOnlyDictionary<int, OpenIntent> Intents() =>
        new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA, TestJournal.NodeB]);

    private RedisOperationException NotFound(string id)
    {
        var failure = Assert.Throws<RedisOperationException>(() => new JournalReader(_journal.Folder).Find(id));
        Assert.Equal((FailureCode.MigrationNotFound, "Get-RedisMigration"), (failure.Code, failure.NextStep()));
        return failure;
    }
}
