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
    public void A_second_run_on_a_cluster_is_told_who_is_at_work()
    {
        using var first = _journal.Begin(MigrationOperation.Repair);
        var failure = Assert.Throws<RedisOperationException>(() => _journal.Begin());
        Assert.Equal((FailureCode.JournalBusy, first.Id, "Get-RedisMigration -Running"), (failure.Code, failure.Subject, failure.NextStep()));
        Assert.Equal(
            "The cluster is being worked on by Repair, run " + first.Id + ", process " + Environment.ProcessId + " of " + Environment.UserName + " on "
                + Environment.MachineName + " since 2026-11-23 10:00:01Z.",
            failure.Message);
        Assert.Single(_journal.Read());
    }

    [Fact]
    public void Two_clusters_do_not_wait_for_each_other()
    {
        using var first = _journal.Begin(MigrationOperation.Complete, TestJournal.NodeA);
        using var second = _journal.Begin(MigrationOperation.Complete, TestJournal.NodeB);
        Assert.All(_journal.Read(), run => Assert.True(run.IsRunning));
    }

    [Fact]
    public void The_cluster_is_the_same_in_whatever_order_its_nodes_are_listed()
    {
        using var first = _journal.Begin(MigrationOperation.Complete, TestJournal.NodeA, TestJournal.NodeB);
        Assert.Equal(FailureCode.JournalBusy, Assert.Throws<RedisOperationException>(() => _journal.Begin(MigrationOperation.Complete, TestJournal.NodeB, TestJournal.NodeA)).Code);
    }

    [Fact]
    public void A_run_that_ended_leaves_the_cluster_to_the_next()
    {
        _journal.Begin().Dispose();
        Assert.Single(Directory.GetFiles(_journal.Folder.Locks));
        using var next = _journal.Begin();
        Assert.Equal(next.Id, _journal.Read()[0].Id);
    }

    [Fact]
    public void A_run_that_is_just_ending_is_waited_for()
    {
        var first = _journal.Begin();
        // A thread of its own: one of the pool may be long in coming while every other test wants one.
        var ending = new Thread(() =>
        {
            Thread.Sleep(100);
            first.Dispose();
        });
        ending.Start();
        using var second = _journal.Begin();
        ending.Join();
        Assert.True(_journal.Read()[0].IsRunning);
    }

    [Fact]
    public void A_run_of_another_process_is_seen_and_its_death_frees_the_cluster()
    {
        using var other = new OtherProcess(_journal.Folder);
        var failure = Assert.Throws<RedisOperationException>(() => _journal.Begin());
        Assert.Equal(FailureCode.JournalBusy, failure.Code);
        Assert.Contains("Undo, run " + other.RunId + ", process " + other.Id + " of ", failure.Message);
        Assert.Equal((other.RunId, MigrationState.Running, other.Id), (_journal.Only().Id, _journal.Only().State, _journal.Only().ProcessId));

        other.Kill();

        Assert.Equal(MigrationState.Interrupted, _journal.Only().State);
        Assert.True(_journal.Only().IsResumable);
        Assert.Equal("Undo", new JournalReader(_journal.Folder).OpenIntents([TestJournal.NodeA])[5].Slot.Operation);
        // What it left in the lock's companion blocks nobody, and is not taken for the holder of today.
        Assert.Contains(Directory.GetFiles(_journal.Folder.Locks), file => file.EndsWith(".holder.json", StringComparison.Ordinal));
        using var next = _journal.Begin();
        Assert.Equal([next.Id], _journal.Read().Where(run => run.IsRunning).Select(run => run.Id));
    }

    [Fact]
    public async Task Looking_does_not_get_in_the_way_of_a_run()
    {
        using var stop = new CancellationTokenSource();
        _journal.Begin().Dispose();
        var looking = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                new JournalReader(_journal.Folder).Read();
        })).ToArray();
        for (var run = 0; run < 20; run++)
            _journal.Begin().Dispose();
        await stop.CancelAsync();
        await Task.WhenAll(looking);
        Assert.All(_journal.Read(), run => Assert.Equal(MigrationState.Completed, run.State));
    }

    [Fact]
    public void An_id_that_is_no_id_names_no_other_folder()
    {
        using var run = _journal.Begin(MigrationOperation.Complete, "../../../etc/passwd");
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
