using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>
/// The index is a cache: the journal returns the same with it, without it, and with a damaged or outdated one.
/// </summary>
public sealed class JournalIndexTests : IDisposable
{
    private static readonly int Rounds = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 500 : 100;

    private readonly TestJournal _journal = new();

    private string Index => Path.Combine(_journal.Folder.Path, RunIndex.FileName);

    [Fact]
    public void The_journal_returns_the_same_with_and_without_the_index()
    {
        Scene();
        var without = Everything();
        Assert.True(File.Exists(Index));
        Assert.Equal(without, Everything());
        File.Delete(Index);
        Assert.Equal(without, Everything());
    }

    [Theory]
    [InlineData("")]
    [InlineData("RedisClusterOps runs 2\nwhatever\n")]
    [InlineData("RedisClusterOps runs 1\nno\tline\tof\tours\n\u0000\n")]
    public void A_damaged_index_is_ignored(string text)
    {
        Scene();
        var before = Everything();
        File.WriteAllText(Index, text);
        Assert.Equal(before, Everything());
    }

    [Fact]
    public void A_truncated_or_changed_index_is_no_error()
    {
        Scene();
        Everything();
        var whole = File.ReadAllBytes(Index);
        var random = new Random(20261128);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = whole[..random.Next(whole.Length)];
            if (bytes.Length > 0)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(Index, bytes);
            new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA]);
        }
    }

    [Fact]
    public void A_run_that_continues_after_it_was_indexed_is_read_again()
    {
        var path = _journal.Write(_journal.BytesOfRun(5));
        var bytes = File.ReadAllBytes(path);
        var lines = Encoding.UTF8.GetString(bytes).Split('\n');
        File.WriteAllText(path, string.Join('\n', lines[..3]) + "\n");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-1));
        Assert.Equal([5], Intents().Keys);
        Assert.Contains("20261123T090000Z-00000a", File.ReadAllText(Index), StringComparison.Ordinal);
        File.AppendAllText(path, string.Join('\n', lines[3..]));
        Assert.Empty(Intents());
    }

    [Fact]
    public void A_reader_that_is_kept_sees_later_runs_and_their_progress()
    {
        var reader = new JournalReader(_journal.Folder);
        Assert.Empty(reader.OpenIntents([TestJournal.NodeA]));
        using var run = _journal.Begin();
        run.Intend(TestJournal.Entry(5));
        var open = Assert.Single(reader.OpenIntents([TestJournal.NodeA])).Value;
        Assert.Equal((run.Id, true), (open.RunId, open.IsRunning));
        Assert.Null(run.Outcome(TestJournal.Result(5, MigrationOutcome.Completed)));
        Assert.Empty(reader.OpenIntents([TestJournal.NodeA]));
    }

    [Fact]
    public void The_records_of_the_own_run_are_known_without_its_file()
    {
        var reader = new JournalReader(_journal.Folder);
        using var own = _journal.Begin();
        own.Intend(TestJournal.Entry(5));
        own.Intend(TestJournal.Entry(6));
        Assert.Null(own.Outcome(TestJournal.Result(6, MigrationOutcome.Completed)));
        Assert.Equal([5], reader.OpenIntents([TestJournal.NodeA], [5, 6, 7], own).Keys);
        Assert.Equal(0, reader.FilesRead);
    }

    // Of consecutive runs that left a slot open, the newest determines the target, the oldest the time, and all of them the settings to
    // restore.
    [Fact]
    public void A_setting_that_an_interrupted_run_changed_is_restored_by_the_run_that_finishes_the_slot()
    {
        using (var first = _journal.Begin(MigrationOperation.Undo))
        {
            first.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
            first.SettingChanging(5, TestJournal.NodeB);
        }

        var since = _journal.Now;
        using (var second = _journal.Begin(MigrationOperation.Undo))
            second.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
        Assert.Equal((since, TestJournal.NodeB), (Intents()[5].Since, Assert.Single(Intents()[5].Slot.SuppressedNodes)));
        using (var third = _journal.Begin(MigrationOperation.Undo))
        {
            third.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
            Assert.Null(third.SettingRestored(5, TestJournal.NodeB));
        }

        Assert.Empty(Intents()[5].Slot.SuppressedNodes);
        Assert.All(_journal.Read(), run => Assert.All(run.Slots, slot => Assert.Empty(slot.SuppressedNodes)));
    }

    [Fact]
    public void Files_of_the_previous_version_are_read()
    {
        foreach (var file in Samples())
            _journal.Write(File.ReadAllBytes(file), Path.GetFileNameWithoutExtension(file));
        var runs = _journal.Read();
        Assert.All(runs, run => Assert.Equal(0, run.DamagedLines));
        var (undo, rebalance) = (runs[0], runs[1]);
        Assert.Equal(
            ("Rebalance", "Whole", MigrationState.Failed, 11, 7, 1),
            (rebalance.Operation, rebalance.Strategy, rebalance.State, rebalance.SlotCount, rebalance.SlotsDone, rebalance.SlotsFailed));
        Assert.Equal((MigrationOperation.Rebalance, MigrationOperation.Undo), (rebalance.Kind, undo.Kind));
        Assert.All(rebalance.Slots, slot => Assert.Equal((MigrationOperation.Rebalance, "Rebalance"), (slot.Kind, slot.Operation)));
        Assert.Equal(
            (200L, 6L, FailureCode.TargetOutOfMemory, undo.Id),
            (rebalance.KeysPlanned, rebalance.KeysMoved, rebalance.Slots[7].Failure, rebalance.Slots[7].FinishedBy));
        Assert.Equal(
            (MigrationState.Stopped, 2, 1, TestJournal.NodeA),
            (undo.State, undo.SlotCount, undo.SlotsDone, Assert.Single(undo.Slots[0].SuppressedNodes)));
        Assert.Equal([9], Intents().Keys);
    }

    [Theory]
    [InlineData("Complete")]
    [InlineData("Undo")]
    [InlineData("Start")]
    [InlineData("Restart")]
    [InlineData("Repair")]
    [InlineData("MoveKeys")]
    [InlineData("Move")]
    [InlineData("Rebalance")]
    public void The_files_hold_the_operation_by_name(string name)
    {
        var operation = Enum.Parse<MigrationOperation>(name);
        using (var run = _journal.Begin(operation))
        {
            run.Planned([TestJournal.Entry(5, operation)]);
            run.Intend(TestJournal.Entry(0, operation), [5, 6]);
        }

        var read = _journal.Only();
        Assert.Equal(
            3, File.ReadAllLines(read.Path).Count(line => line.Contains("\"operation\":\"" + name + "\"", StringComparison.Ordinal)));
        Assert.Equal((name, operation), (read.Operation, read.Kind));
        Assert.All(read.Slots, slot => Assert.Equal((name, operation), (slot.Operation, slot.Kind)));
    }

    [Theory]
    [InlineData("Drain")]
    [InlineData("complete")]
    [InlineData("3")]
    [InlineData("Start, Restart")]
    public void An_operation_of_a_later_version_keeps_its_text(string name)
    {
        var text = Encoding.UTF8.GetString(_journal.BytesOfRun(5)).Replace("\"Complete\"", "\"" + name + "\"", StringComparison.Ordinal);
        _journal.Write(Encoding.UTF8.GetBytes(text));
        Assert.Equal(
            (name, MigrationOperation.Unknown, 0), (_journal.Only().Operation, _journal.Only().Kind, _journal.Only().DamagedLines));
        Assert.Equal((name, MigrationOperation.Unknown), (_journal.Only().Slots[0].Operation, _journal.Only().Slots[0].Kind));
    }

    // The previous version counts unknown kinds as damage and ignores unknown members.
    [Fact]
    public void Every_line_has_a_kind_that_the_previous_version_reads()
    {
        string[] kinds = ["begin", "planned", "intent", "progress", "kept", "outcome", "end"];
        using (var run = _journal.Begin(MigrationOperation.Undo))
        {
            run.Planned([TestJournal.Entry(5, MigrationOperation.Undo)]);
            run.Intend(TestJournal.Entry(5, MigrationOperation.Undo));
            run.SettingChanging(5, TestJournal.NodeA);
            run.Progress(5, 40, 60);
            Assert.Null(run.SettingRestored(5, TestJournal.NodeA));
            Assert.Null(run.Outcome(TestJournal.Result(5, MigrationOutcome.RolledBack, 100)));
        }

        var lines = File.ReadAllLines(_journal.Only().Path);
        Assert.All(lines, line => Assert.Contains(kinds, kind => line.StartsWith("{\"kind\":\"" + kind + "\",", StringComparison.Ordinal)));
        // The previous version reads it as progress, so it repeats the numbers of the line before.
        var restored = Assert.Single(lines, line => line.Contains("\"restored\"", StringComparison.Ordinal));
        Assert.Contains("\"slot\":5,\"keysLeft\":60,\"keysMoved\":40,", restored, StringComparison.Ordinal);
    }

    public void Dispose() => _journal.Dispose();

    private static string[] Samples() => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Journal", "samples"), "*.jsonl");

    private IReadOnlyDictionary<int, OpenIntent> Intents() => new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA]);

    private void Scene()
    {
        using (var run = _journal.Begin(MigrationOperation.Rebalance))
        {
            run.Planned([(TestJournal.Entry(0, MigrationOperation.Rebalance), Enumerable.Range(0, 30))]);
            run.Intend(TestJournal.Entry(0, MigrationOperation.Rebalance), Enumerable.Range(0, 20));
            run.SettingChanging(3, TestJournal.NodeA);
            var results = Enumerable.Range(0, 10).Select(slot => TestJournal.Result(slot, MigrationOutcome.Moved, slot));
            Assert.Null(run.Outcomes([.. results.Select(result => (result, (FailureCode?)null))]));
        }

        _journal.Now = _journal.Now.AddMinutes(1);
        using (var run = _journal.Begin(MigrationOperation.Undo))
        {
            run.Intend(TestJournal.Entry(3, MigrationOperation.Undo));
            run.Intend(TestJournal.Entry(12, MigrationOperation.Undo));
            Assert.Null(run.Outcome(TestJournal.Result(12, MigrationOutcome.RolledBack, 1)));
            Assert.Null(run.Outcome(TestJournal.Result(3, MigrationOutcome.Failed, 1, "no"), FailureCode.StalePlan));
        }
    }

    private string[] Everything() =>
    [
        .. _journal.Read().SelectMany(
            run => run.Slots.Select(slot => run + " " + slot + " " + slot.FinishedBy + " " + string.Join(",", slot.SuppressedNodes))),
        .. Intents().OrderBy(intent => intent.Key).Select(
            intent =>
                intent.Key + " " + intent.Value.RunId + " " + intent.Value.Since.Ticks + " " + string.Join(
                    ",", intent.Value.Slot.SuppressedNodes)),
    ];
}
