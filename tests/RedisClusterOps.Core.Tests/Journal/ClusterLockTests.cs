using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

public sealed class ClusterLockTests : IDisposable
{
    private readonly TestJournal _journal = new();

    [Fact]
    public void A_second_run_on_a_cluster_is_refused_and_the_error_names_the_first()
    {
        using var first = _journal.BeginSlot(MigrationOperation.Repair);
        var failure = Assert.Throws<RedisOperationException>(() => _journal.Begin());
        Assert.Equal(
            (FailureCode.JournalBusy, first.Id, "Get-RedisMigration -Running"), (failure.Code, failure.Subject, failure.NextStep()));
        Assert.Equal(
            "Another run is changing the cluster. Repair run " + first.Id + " holds its lock: process " + Environment.ProcessId + " of "
                + Environment.UserName + " on " + Environment.MachineName + ", since 2026-11-23 10:00:01Z.",
            failure.Message);
        Assert.Single(_journal.Read());
    }

    [Fact]
    public void Runs_on_two_clusters_do_not_block_each_other()
    {
        using var first = _journal.BeginSlot(MigrationOperation.Complete, TestJournal.NodeA);
        using var second = _journal.BeginSlot(MigrationOperation.Complete, TestJournal.NodeB);
        Assert.Equal(2, _journal.Read().Count);
        Assert.All(_journal.Read(), run => Assert.True(run.IsRunning));
    }

    [Fact]
    public void The_lock_does_not_depend_on_the_order_of_the_nodes()
    {
        using var first = _journal.Begin(MigrationOperation.Complete, TestJournal.NodeA, TestJournal.NodeB);
        var failure = Assert.Throws<RedisOperationException>(
            () => _journal.Begin(MigrationOperation.Complete, TestJournal.NodeB, TestJournal.NodeA));
        Assert.Equal(FailureCode.JournalBusy, failure.Code);
    }

    [Fact]
    public void A_run_that_ended_releases_the_lock()
    {
        _journal.Begin().Dispose();
        Assert.Single(Directory.GetFiles(_journal.Folder.Locks));
        using var next = _journal.BeginSlot();
        Assert.Equal(next.Id, _journal.Read()[0].Id);
    }

    [Fact]
    public void A_run_that_is_about_to_end_is_waited_for()
    {
        var first = _journal.Begin();
        // A thread of its own: one of the pool may be long in coming while every other test wants one.
        var ending = new Thread(() =>
        {
            Thread.Sleep(100);
            first.Dispose();
        });
        ending.Start();
        using var second = _journal.BeginSlot();
        ending.Join();
        Assert.True(_journal.Read()[0].IsRunning);
    }

    [Fact]
    public void A_run_of_another_process_holds_the_lock_until_that_process_ends()
    {
        using var other = new OtherProcess(_journal.Folder);
        var failure = Assert.Throws<RedisOperationException>(() => _journal.Begin());
        Assert.Equal(FailureCode.JournalBusy, failure.Code);
        Assert.Contains("Undo run " + other.RunId + " holds its lock: process " + other.Id + " of ", failure.Message);
        Assert.Equal(
            (other.RunId, MigrationState.Running, other.Id), (_journal.Only().Id, _journal.Only().State, _journal.Only().ProcessId));

        other.Kill();

        Assert.Equal(MigrationState.Interrupted, _journal.Only().State);
        Assert.True(_journal.Only().IsResumable);
        Assert.Equal("Undo", new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA])[5].Slot.Operation);
        // The file that names the holder is left. It neither blocks another run nor counts as a holder.
        Assert.Contains(Directory.GetFiles(_journal.Folder.Locks), file => file.EndsWith(".holder.json", StringComparison.Ordinal));
        using var next = _journal.BeginSlot();
        Assert.Equal([next.Id], _journal.Read().Where(run => run.IsRunning).Select(run => run.Id));
    }

    [Fact]
    public async Task Listing_runs_does_not_block_a_run()
    {
        using var stop = new CancellationTokenSource();
        _journal.BeginSlot().Dispose();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                new JournalReader(_journal.Folder).Read();
        })).ToArray();
        for (var run = 0; run < 20; run++)
            _journal.BeginSlot().Dispose();
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal(21, _journal.Read().Count);
        Assert.All(_journal.Read(), run => Assert.NotNull(run.Ended));
    }

    [Fact]
    public void An_invalid_node_id_does_not_lead_to_another_folder()
    {
        using var run = _journal.BeginSlot(MigrationOperation.Complete, "../../../etc/passwd");
        Assert.Equal(2, Directory.GetFiles(_journal.Folder.Locks).Length);
        Assert.True(_journal.Only().IsRunning);
    }

    [Fact]
    public void A_refusal_takes_half_a_second()
    {
        using var first = _journal.Begin();
        var watch = Stopwatch.StartNew();
        Assert.Throws<RedisOperationException>(() => _journal.Begin());
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.45), TimeSpan.FromSeconds(5));
    }

    public void Dispose() => _journal.Dispose();
}
