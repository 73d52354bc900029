using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>A journal in its own folder, with a clock that only the test changes.</summary>
internal sealed class TestJournal : IDisposable
{
    public const string NodeA = "a000000000000000000000000000000000000001";
    public const string NodeB = "b000000000000000000000000000000000000002";

    private readonly string _root = Directory.CreateTempSubdirectory("redisclusterops-journal-").FullName;

    public TestJournal() => Folder = JournalFolder.At(Path.Combine(_root, "journal"));

    public JournalFolder Folder { get; }

    public DateTime Now { get; set; } = new(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc);

    public static RunHeader Header(MigrationOperation operation = MigrationOperation.Complete, params string[] nodeIds) =>
        new(operation, null, ["10.0.0.1:6379"], nodeIds.Length > 0 ? nodeIds : [NodeB, NodeA]);

    public static SlotEntry Entry(int slot, MigrationOperation operation = MigrationOperation.Complete) =>
        new(slot, operation, null, NodeA, "10.0.0.1:6379", NodeB, "10.0.0.2:6379", NodeA, 100);

    public static RedisSlotMigrationResult Result(int slot, MigrationOutcome outcome, long moved = 0, string? reason = null) =>
        new() { Slot = slot, Outcome = outcome, KeysMoved = moved, Reason = reason, Elapsed = TimeSpan.FromSeconds(1.5) };

    /// <summary>Each run begins a second after the previous one.</summary>
    public RunJournal Begin(MigrationOperation operation = MigrationOperation.Complete, params string[] nodeIds)
    {
        Now = Now.AddSeconds(1);
        return RunJournal.Begin(Folder, Header(operation, nodeIds), () => Now);
    }

    /// <summary>A run that has recorded what it is about to do to slot 5.</summary>
    public RunJournal BeginSlot(MigrationOperation operation = MigrationOperation.Complete, params string[] nodeIds)
    {
        var run = Begin(operation, nodeIds);
        run.Intend(Entry(5, operation));
        return run;
    }

    public IReadOnlyList<RedisMigration> Read() => new JournalReader(Folder).Read();

    public RedisMigration Only() => Assert.Single(Read());

    /// <summary>A run whose file has this content.</summary>
    public string Write(byte[] content, string id = "20261123T090000Z-00000a")
    {
        Directory.CreateDirectory(Folder.Runs);
        var path = Path.Combine(Folder.Runs, id + ".jsonl");
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>The file of a run that completed these slots.</summary>
    public byte[] BytesOfRun(params int[] slots)
    {
        string path;
        using (var run = Begin())
        {
            path = run.Path;
            run.Planned(slots.Select(slot => Entry(slot)));
            foreach (var slot in slots)
            {
                run.Intend(Entry(slot));
                Assert.Null(run.Outcome(Result(slot, MigrationOutcome.Completed, 10)));
            }
        }

        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    /// <summary>Finished runs with this number of slots, in windows of 1024, with slot modulo 25 keys in each slot.</summary>
    public void Fill(int runs, int slots)
    {
        string path;
        using (var run = Begin(MigrationOperation.Rebalance))
        {
            path = run.Path;
            run.Planned([(Entry(0, MigrationOperation.Rebalance), Enumerable.Range(0, slots))]);
            foreach (var window in Enumerable.Range(0, slots).Chunk(1024))
            {
                run.Intend(Entry(0, MigrationOperation.Rebalance), window);
                Assert.Null(
                    run.Outcomes([.. window.Select(slot => (Result(slot, MigrationOutcome.Moved, slot % 25), (FailureCode?)null))]));
            }
        }

        for (var number = 1; number < runs; number++)
            File.Copy(
                path,
                Path.Combine(
                    Folder.Runs, Now.AddMinutes(-number).ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture) + "-0000a0.jsonl"));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
