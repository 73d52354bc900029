using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>Three masters with all slots and keys, and an empty one as the target of atomic moves.</summary>
internal sealed class AtomicScene : IAsyncDisposable
{
    private const int AtOnce = 2000;
    private const int FromOne = 5461;

    private readonly ConcurrentQueue<string> _notices = [];

    private AtomicScene(TestCluster cluster) => Cluster = cluster;

    /// <summary>The servers that support atomic moves.</summary>
    public static TheoryData<string> Able =>
        [.. Servers.RedisAndValkey.Select(row => row.Data).Where(name => name is Servers.Redis86 or Servers.Valkey91)];

    /// <summary>The same for tests that take long: one of them in the short proof.</summary>
    /// <param name="server">The server of the short proof.</param>
    public static TheoryData<string> OneOf(string server) => KillCase.IsFullProof ? Able : [server];

    public TestCluster Cluster { get; }

    public LocalNode Source => Cluster.Node(0);

    public LocalNode Target => Cluster.Nodes[Cluster.Masters.Count - 1];

    public SlotSet Slots { get; private init; } = SlotSet.From([new SlotRange(0, 4095)]);

    public bool IsValkey => Cluster.Cluster.Server.Kind == ServerEngine.Valkey;

    /// <summary>The keys that were written, with the index of the master that has them.</summary>
    public IReadOnlyList<(int Owner, byte[] Key)> Keys { get; private set; } = [];

    /// <summary>The progress messages of the moves.</summary>
    public IReadOnlyList<string> Notices => [.. _notices];

    public OperationLog Log { get; } = new();

    /// <summary>Short limits, so that a test of a move that hangs takes seconds.</summary>
    public AtomicLimits Limits { get; set; } = new() { Silence = TimeSpan.FromSeconds(20), Turn = TimeSpan.FromSeconds(120) };

    public BegunTasks Ours { get; } = new();

    public RedisClusterSession? Session { get; set; }

    public static async Task<AtomicScene> StartAsync(
        string server, int replicas = 0, bool appendOnly = false, Func<LocalClusterOptions, LocalClusterOptions>? with = null) =>
        new(await TestCluster.StartAsync(server, replicas: replicas, with: with ?? (options => options with { AppendOnly = appendOnly })));

    /// <summary>Writes keys to all masters. The value of a key follows from its name, and one key in ten expires in an hour.</summary>
    public async Task WriteAsync(int keys)
    {
        var names = Enumerable.Range(0, keys).Select(i => Encoding.ASCII.GetBytes("key:" + i));
        Keys = [.. names.Select(key => (Math.Min(2, HashSlot.Of(key) / FromOne), key))];
        foreach (var owned in Keys.GroupBy(key => key.Owner))
        {
            using var connection = await Cluster.Node(owned.Key).ConnectAsync();
            foreach (var part in owned.Chunk(AtOnce))
            {
                var replies = await connection.SendAsync([.. part.Select(key => SetOf(key.Key))], null, default);
                Assert.All(replies, reply => Assert.False(reply.IsError, reply.Text));
            }
        }
    }

    /// <summary>Slows down the snapshots of every node, so that a test can act during a move.</summary>
    public async Task SlowAsync(int microsecondsPerKey)
    {
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
            await node.SendAsync("CONFIG", "SET", "rdb-key-save-delay", microsecondsPerKey);
    }

    /// <summary>Moves slots with an atomic move, as a run does.</summary>
    public async Task<AtomicOutcome> MoveAsync(
        SlotSet? slots = null, LocalNode? source = null, LocalNode? target = null, CancellationToken stop = default)
    {
        var session = Session ?? new RedisClusterSession(
            [Cluster.Nodes.First(node => node.IsRunning).Endpoint],
            Cluster.Connection with { ConnectTimeout = TimeSpan.FromSeconds(2) });
        using var connections = new ClusterConnections(new NodeConnector(session.Options));
        var reader = new ClusterReader(session, connections);
        var view = await reader.ReadAsync(null, default);
        using var request = new StopRequest(reader.Clock, stop);
        var (from, to) = (view.Node((source ?? Source).Id)!, view.Node((target ?? Target).Id)!);
        var move = new AtomicMove(reader, from, to, slots ?? Slots, Log, request, _notices.Enqueue) { Limits = Limits, Ours = Ours };
        return await move.RunAsync();
    }

    /// <summary>Starts a move by hand, as another tool or a killed run did.</summary>
    public async Task<string> StartByHandAsync(LocalNode source, LocalNode target, SlotSet slots)
    {
        object[] ranges = [.. slots.Ranges.SelectMany(range => new object[] { range.First, range.Last })];
        var reply = IsValkey
            ? await source.SendAsync(["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", .. ranges, "NODE", target.Id])
            : await target.SendAsync(["CLUSTER", "MIGRATION", "IMPORT", .. ranges]);
        return reply.Text;
    }

    /// <summary>The migrations that a node lists.</summary>
    public async Task<IReadOnlyList<AtomicTask>> ListAsync(LocalNode node) => IsValkey
        ? AtomicTask.AllOfValkey(await node.SendAsync("CLUSTER", "GETSLOTMIGRATIONS"))
        : AtomicTask.AllOfRedis(await node.SendAsync("CLUSTER", "MIGRATION", "STATUS", "ALL"));

    /// <summary>Waits until the node transfers keys in a migration.</summary>
    public async Task UntilTransferringAsync(LocalNode? node = null)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(60); await Task.Delay(10))
        {
            var tasks = await ListAsync(node ?? Source);
            if (tasks.Any(task => task.End == AtomicEnd.None
                && task.State is "send-bulk-and-stream" or "snapshotting" or "accumulate-buffer" or "receiving-snapshot"))
            {
                return;
            }
        }

        Assert.Fail("No migration started within 60 seconds.");
    }

    public async Task UntilAsync(Func<bool> holds)
    {
        for (var watch = Stopwatch.StartNew(); !holds(); await Task.Delay(10))
        {
            Assert.True(
                watch.Elapsed < TimeSpan.FromSeconds(60),
                "The condition did not become true within 60 seconds. The move reported: " + string.Join("; ", Notices));
        }
    }

    public async Task UntilIdleAsync()
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(120); await Task.Delay(20))
        {
            if (await IsIdleAsync())
                return;
        }

        Assert.Fail("A migration is still running.");
    }

    public async Task<bool> IsIdleAsync()
    {
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
        {
            if ((await ListAsync(node)).Any(task => task.End == AtomicEnd.None))
                return false;
        }

        return true;
    }

    /// <summary>Asserts that every node and replica reports this owner for each of the slots within a minute.</summary>
    public async Task AssertOwnerAsync(LocalNode owner, SlotSet? slots = null)
    {
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
        {
            var wrong = SlotSet.Empty;
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(60); await Task.Delay(20))
            {
                var view = new NodeView(node.Endpoint, await TestCluster.ViewOfAsync(node));
                wrong = SlotSet.From((slots ?? Slots).Slots.Where(slot => view.OwnerOf(slot) != owner.Id));
                if (wrong.Count == 0)
                    break;
            }

            Assert.True(wrong.Count == 0, node.Endpoint + " reports another owner of " + wrong);
        }
    }

    /// <summary>Asserts that the given owner of each slot has its keys as they were written.</summary>
    public async Task AssertKeysAsync(Func<int, LocalNode> ownerOf)
    {
        var wrong = new List<string>();
        foreach (var owned in Keys.GroupBy(key => ownerOf(HashSlot.Of(key.Key))))
        {
            using var connection = await owned.Key.ConnectAsync();
            foreach (var part in owned.Chunk(AtOnce))
            {
                var reads = part.SelectMany(key => new[] { RespCommand.Of("GET", key.Key), RespCommand.Of("TTL", key.Key) });
                var replies = await connection.SendAsync([.. reads], null, default);
                for (var i = 0; i < part.Length; i++)
                {
                    var (value, ttl) = (replies[2 * i], replies[(2 * i) + 1].Integer);
                    var isTtlWrong = Expires(part[i].Key) ? ttl is < 3000 or > 3600 : ttl != -1;
                    if (value.IsError || value.Text != ValueOf(part[i].Key) || isTtlWrong)
                        wrong.Add(Printable.Quote(part[i].Key) + ": " + value.Text + ", " + ttl);
                }
            }
        }

        Assert.Empty(wrong);
    }

    public async Task<long> CountAllKeysAsync()
    {
        var sum = 0L;
        foreach (var node in Cluster.Masters.Where(node => node.IsRunning))
            sum += (await node.SendAsync("DBSIZE")).Integer;
        return sum;
    }

    /// <summary>The owner of a slot after <see cref="Slots"/> have moved to the target.</summary>
    public LocalNode AfterMove(int slot) => Slots.Contains(slot) ? Target : BeforeMove(slot);

    public LocalNode BeforeMove(int slot) => Cluster.Node(Math.Min(2, slot / FromOne));

    public ValueTask DisposeAsync()
    {
        Log.Dispose();
        return Cluster.DisposeAsync();
    }

    private static RespCommand SetOf(byte[] key) => Expires(key)
        ? RespCommand.Of("SET", key, ValueOf(key), "EX", 3600)
        : RespCommand.Of("SET", key, ValueOf(key));

    private static bool Expires(byte[] key) => key[^1] == '7';

    private static string ValueOf(byte[] key) => "value of " + Encoding.ASCII.GetString(key);
}
