using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>A journal of 300 runs of 4096 slots each, the size after a year of rebalances, and a run that has slot 7 open.</summary>
public sealed class LargeJournal : IDisposable
{
    public const int Runs = 300;
    private const int Slots = 4096;

    internal TestJournal Journal { get; } = new();

    public LargeJournal()
    {
        Journal.Fill(Runs, Slots);
        using var open = Journal.Begin(MigrationOperation.Complete);
        open.Intend(TestJournal.Entry(7));
    }

    public void Dispose() => Journal.Dispose();
}

/// <summary>The cost of reading a large journal.</summary>
public sealed class LargeJournalTests(LargeJournal large) : IClassFixture<LargeJournal>
{
    private const int Runs = LargeJournal.Runs;
    private const int Megabyte = 1 << 20;
    private static readonly string[] Lines =
    [
        TestJournal.NodeA + " 10.0.0.1:6379@16379 master - 0 0 1 connected 0-16383 [7->-" + TestJournal.NodeB + "]",
        TestJournal.NodeB + " 10.0.0.2:6379@16379 master - 0 0 2 connected [7-<-" + TestJournal.NodeA + "]",
    ];

    private readonly TestJournal _journal = large.Journal;

    [Fact]
    public void Finding_the_run_that_covers_a_slot_does_not_read_every_old_run()
    {
        File.Delete(Path.Combine(_journal.Folder.Path, RunIndex.FileName));
        var first = Measured("first read, no index", () => Assert.Single(OpenIntents(new JournalReader(_journal.Folder))));
        var next = Measured("first read of the next process", () => Assert.Single(OpenIntents(new JournalReader(_journal.Folder))));
        var list = Measured("list of all runs", () => Assert.Equal(Runs + 1, _journal.Read().Count));
        Assert.InRange(first, 0, 1200 * Megabyte);
        Assert.InRange(next, 0, 10 * Megabyte);
        Assert.InRange(list, 0, 1200 * Megabyte);
    }

    [Fact]
    public async Task An_invocation_parses_no_file_again_for_each_slot()
    {
        OpenIntents(new JournalReader(_journal.Folder));
        using var cluster = Cluster();
        Environment.SetEnvironmentVariable(JournalFolder.Variable, _journal.Folder.Path);
        try
        {
            var slot = Assert.Single(await cluster.GetOpenSlotsAsync([7], default));
            Assert.NotNull(slot.Since);
            var reader = new JournalReader(_journal.Folder);
            Assert.Single(OpenIntents(reader));
            var read = reader.FilesRead;
            var again = Measured("a hundred more reads of the invocation", () =>
            {
                for (var i = 0; i < 100; i++)
                    Assert.Single(OpenIntents(reader));
            });
            // The one run that has the slot open, and no other.
            Assert.InRange(read, 1, 2);
            Assert.Equal(read, reader.FilesRead);
            Assert.InRange(again, 0, 100 * Megabyte);
        }
        finally
        {
            Environment.SetEnvironmentVariable(JournalFolder.Variable, null);
        }
    }

    [Fact]
    public void The_newest_run_that_can_be_resumed_is_found_without_reading_the_others()
    {
        OpenIntents(new JournalReader(_journal.Folder));
        var reader = new JournalReader(_journal.Folder);
        Assert.Equal("Complete", reader.FindResumable(TestJournal.NodeA.Equals)!.Operation);
        Assert.Equal(1, reader.FilesRead);
    }

    private static System.Collections.Generic.IReadOnlyDictionary<int, OpenIntent> OpenIntents(JournalReader reader) =>
        reader.OpenIntents([TestJournal.NodeA], [7]);

    private static RedisCluster Cluster() => new(
        RedisClusterSession.Parse("10.0.0.1:6379"),
        new ScriptedNodes().Node("10.0.0.1:6379", command => Answer(command, 0)).Node("10.0.0.2:6379", command => Answer(command, 1)),
        null);

    private static RespValue Answer(RespCommand command, int self) => command.ToString() switch
    {
        "CLUSTER NODES" =>
            RespValue.Bulk(
                string.Join('\n', Lines.Select((line, i) => i == self ? line.Replace(" master", " myself,master") : line)) + "\n"),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "INFO" => RespValue.Bulk("redis_version:7.0.15\r\n"),
        "DBSIZE" => RespValue.Number(3),
        "CLUSTER COUNTKEYSINSLOT 7" => RespValue.Number(3),
        _ => RespValue.Error("ERR unknown command"),
    };

    private static long Measured(string what, Action action)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        action();
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        var used = (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{what}: {watch.Elapsed.TotalMilliseconds:0} ms, CPU {used:0} ms, {bytes / (double)Megabyte:0.0} MB allocated");
        return bytes;
    }
}
