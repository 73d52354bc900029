using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>
/// Two masters, a clock that the test sets, and slot 5519 on its way from A to B.
/// Each check is a watcher of its own, as a scheduler starts them.
/// </summary>
internal sealed class WatchedCluster : IDisposable
{
    public const string A = "10.0.0.1:6379";
    public const string B = "10.0.0.2:6379";

    private readonly ScriptedNodes _nodes = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("redisclusterops-watch-").FullName;
    private readonly TestClock _clock = new();

    public WatchedCluster()
    {
        _nodes.Clock = _clock;
        _nodes.Node(A, command => Answer(command, self: TestJournal.NodeA)).Node(B, command => Answer(command, self: TestJournal.NodeB));
        StatePath = Path.Combine(_folder, "state.json");
        JournalPath = Path.Combine(_folder, "journal");
    }

    public string StatePath { get; }

    public string JournalPath { get; set; }

    public DateTime Now => _clock.UtcNow;

    public int KeysOnA { get; set; } = 12;

    public int KeysOnB { get; set; } = 13;

    public bool IsOpen { get; set; } = true;

    /// <summary>A does not know of the migration: clients still write there.</summary>
    public bool IsOnlyImported { get; set; }

    public string IdOfA { get; set; } = TestJournal.NodeA;

    public string FlagsOfB { get; set; } = "master";

    public long LastPongOfB { get; set; }

    public string ClusterState { get; set; } = "ok";

    /// <summary>How often A answered MOVED so far; null if it does not count.</summary>
    public long? MovedRepliesOfA { get; set; }

    /// <summary>How often A ran MIGRATE so far; null if it does not count.</summary>
    public long? MigrateCallsOfA { get; set; }

    public List<string> Warnings { get; } = [];

    public void Pass(TimeSpan time) => _clock.UtcNow += time;

    public void SetTime(DateTime time) => _clock.UtcNow = time;

    public void Loses(string endpoint) => _nodes.Refuses(endpoint, FailureCode.ConnectionFailed, endpoint + " is away");

    public Task<AlertOutcome> LookAsync(bool remembers = true) =>
        LookAsync(new AlertOptions { StatePath = remembers ? StatePath : null, JournalPath = JournalPath });

    public async Task<AlertOutcome> LookAsync(AlertOptions options)
    {
        using var log = new OperationLog();
        using var redis = new RedisCluster(RedisClusterSession.Parse(A), _nodes, log) { NextActionText = NextActionText.Of };
        var outcome = await redis.GetAlertsAsync(options with { JournalPath = JournalPath }, CancellationToken.None);
        Warnings.Clear();
        while (log.TryTake(out var told, TimeSpan.Zero))
            Warnings.Add(told!.Message);
        return outcome;
    }

    public async Task<RedisOpenSlot> OpenSlotAsync(bool remembers)
    {
        using var redis = new RedisCluster(RedisClusterSession.Parse(A), _nodes, null) { NextActionText = NextActionText.Of };
        var slots = remembers
            ? await redis.GetOpenSlotsAsync(null, StatePath, default)
            : await redis.GetOpenSlotsAsync(null, default);
        return slots.Single();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private RespValue Answer(RespCommand command, string self) => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(Lines(self)),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:" + ClusterState + "\r\n"),
        "INFO" => RespValue.Bulk("# Server\r\nredis_version:7.0.15\r\n" + (self == TestJournal.NodeA && MovedRepliesOfA is { } moved
            ? FormattableString.Invariant($"total_error_replies:{moved + 1}\r\nerrorstat_MOVED:count={moved}\r\n")
            : string.Empty)),
        "INFO commandstats" when MigrateCallsOfA is { } calls => RespValue.Bulk(
            FormattableString.Invariant($"cmdstat_get:calls=7,usec=9\r\ncmdstat_migrate:calls={calls},usec=5\r\n")),
        "DBSIZE" => RespValue.Number(3),
        "CLUSTER COUNTKEYSINSLOT 5519" => RespValue.Number(self == TestJournal.NodeA ? KeysOnA : KeysOnB),
        _ => RespValue.Error("ERR unknown command " + command),
    };

    private string Lines(string self)
    {
        var a = IdOfA + " " + A + "@1 " + (self == TestJournal.NodeA ? "myself,master" : "master") + " - 0 0 1 connected 0-8191"
            + (IsOpen && !IsOnlyImported && self == TestJournal.NodeA ? " [5519->-" + TestJournal.NodeB + "]" : string.Empty);
        var b = TestJournal.NodeB + " " + B + "@1 " + (self == TestJournal.NodeB ? "myself,master" : FlagsOfB)
            + " - 0 " + (self == TestJournal.NodeB ? 0 : LastPongOfB) + " 2 connected 8192-16383"
            + (IsOpen && self == TestJournal.NodeB ? " [5519-<-" + IdOfA + "]" : string.Empty);
        return a + "\n" + b + "\n";
    }

    private sealed class TestClock : IClock
    {
        public TimeSpan Now => SystemClock.Instance.Now;

        public DateTime UtcNow { get; set; } = new(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc);

        public Task PauseAsync(TimeSpan pause, CancellationToken cancellation) => Task.CompletedTask;
    }
}
