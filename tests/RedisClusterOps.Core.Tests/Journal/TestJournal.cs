using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Journal;

/// <summary>A journal in a folder of its own, and a clock that only the test turns.</summary>
internal sealed class TestJournal : IDisposable
{
    public const string NodeA = "a000000000000000000000000000000000000001";
    public const string NodeB = "b000000000000000000000000000000000000002";

    private readonly string _root = Directory.CreateTempSubdirectory("redisclusterops-journal-").FullName;

    public TestJournal() => Folder = JournalFolder.At(Path.Combine(_root, "journal"));

    public JournalFolder Folder { get; }

    public DateTime Now { get; set; } = new(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc);

    public static RunHeader Header(string operation = "Complete", params string[] nodeIds) =>
        new(operation, null, ["10.0.0.1:6379"], nodeIds.Length > 0 ? nodeIds : [NodeB, NodeA]);

    public static SlotEntry Entry(int slot, string operation = "Complete") => new(slot, operation, null, NodeA, "10.0.0.1:6379", NodeB, "10.0.0.2:6379", NodeA, 100);

    public static RedisSlotMigrationResult Result(int slot, MigrationOutcome outcome, long moved = 0, string? reason = null) =>
        new() { Slot = slot, Outcome = outcome, KeysMoved = moved, Reason = reason, Elapsed = TimeSpan.FromSeconds(1.5) };

    /// <summary>Each run begins a second after the one before.</summary>
    public RunJournal Begin(string operation = "Complete", params string[] nodeIds)
    {
        Now = Now.AddSeconds(1);
        return RunJournal.Begin(Folder, Header(operation, nodeIds), () => Now);
    }

    public IReadOnlyList<RedisMigration> Read() => JournalReader.Read(Folder);

    public RedisMigration Only() => Assert.Single(Read());

    /// <summary>A run of which the file holds just this.</summary>
    public string Write(byte[] content, string id = "20261123T090000Z-00000a")
    {
        Directory.CreateDirectory(Folder.Runs);
        var path = Path.Combine(Folder.Runs, id + ".jsonl");
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>The bytes that a run leaves, with these slots completed.</summary>
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

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
