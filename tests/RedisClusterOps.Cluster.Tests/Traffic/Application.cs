using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Console.Lab;
using StackExchange.Redis;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>
/// An application that knows nothing of migrations: workers that read, write, count, write several keys of one hash tag together and run
/// scripts, each on keys of its own, so that it knows what every key must hold. What was acknowledged stands in a ledger.
/// </summary>
/// <param name="keys">How many keys the workers share out among themselves.</param>
/// <param name="nameOf">The name of each, from 1 on. Others are named after it, in its slot.</param>
/// <param name="written">What was written to it before; null for nothing.</param>
internal sealed class Application(TestCluster cluster, int keys, Func<int, string> nameOf, Func<string, string?> written, TrafficKind kind)
{
    private const int Workers = 4;
    private const string CountTwice = "local n = redis.call('INCR', KEYS[1]) redis.call('SET', KEYS[2], n) return n";

    private readonly Dictionary<string, string>[] _ledgers = [.. Enumerable.Range(0, Workers).Select(_ => new Dictionary<string, string>())];
    private int _operations;
    private int _triedAgain;

    /// <summary>On the keys of one slot.</summary>
    public Application(SlotScene scene, TrafficKind kind)
        : this(scene.Cluster, scene.Keys.Count, scene.KeyName, key => LabWedge.ValueOf(Encoding.UTF8.GetBytes(key)), kind)
    {
    }

    public int Operations => Volatile.Read(ref _operations);

    /// <summary>How often several keys were asked for that were on both sides: an answer that every cluster client has to repeat.</summary>
    public int TriedAgain => Volatile.Read(ref _triedAgain);

    /// <summary>Reads that gave something else than what was acknowledged before.</summary>
    public List<string> Wrong { get; } = [];

    public List<string> Errors { get; } = [];

    public async Task RunAsync(CancellationToken end)
    {
        var options = new ConfigurationOptions { AbortOnConnectFail = false, SyncTimeout = 20_000 };
        foreach (var node in cluster.Masters)
            options.EndPoints.Add(node.Endpoint.Host, node.Endpoint.Port);
        using var connection = await ConnectionMultiplexer.ConnectAsync(options);
        while (connection.GetEndPoints().Any(endpoint => !connection.GetServer(endpoint).IsConnected))
            await Task.Delay(10, end);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => WorkAsync(worker, connection.GetDatabase(), end)));
        // Every worker has its answers; this client waits for some of its own that never come.
        await connection.CloseAsync(allowCommandsToComplete: false);
    }

    public async Task UntilAsync(int operations)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (Operations < operations && DateTime.UtcNow < until)
            await Task.Delay(10);
        Assert.True(Operations >= operations, "The application stands still: " + string.Join("; ", Errors.Take(3)));
    }

    /// <summary>Every key that was written to, with what was acknowledged last.</summary>
    public IReadOnlyDictionary<string, string> Acknowledged() => _ledgers.SelectMany(ledger => ledger).ToDictionary();

    /// <summary>What was acknowledged, and what nobody wrote to, against what the owner holds.</summary>
    public async Task<IReadOnlyList<string>> LedgerDifferencesAsync(SlotScene scene, LocalNode owner)
    {
        var expected = scene.Keys.ToDictionary(Encoding.UTF8.GetString, LabWedge.ValueOf);
        foreach (var (key, value) in Acknowledged())
            expected[key] = value;
        var wrong = new List<string>();
        foreach (var part in expected.Chunk(1000))
        {
            var reply = await owner.SendAsync(["MGET", .. part.Select(entry => entry.Key)]);
            wrong.AddRange(part.Select((entry, i) => (entry, Is: reply.Items[i].IsNull ? null : reply.Items[i].Text))
                .Where(read => read.Is != read.entry.Value)
                .Select(read => read.entry.Key + ": acknowledged " + read.entry.Value + ", and there is " + (read.Is ?? "nothing")));
        }

        // Nor is there a key that nobody wrote.
        if (await TestCluster.CountKeysAsync(owner, scene.Slot) is var count && count != expected.Count)
            wrong.Add(count + " keys where " + expected.Count + " were written");
        foreach (var other in scene.Cluster.Masters.Where(node => node != owner))
        {
            if (await TestCluster.CountKeysAsync(other, scene.Slot) is > 0 and var hidden)
                wrong.Add(hidden + " keys on " + other.Endpoint + ", which does not own the slot");
        }

        return wrong;
    }

    private async Task WorkAsync(int worker, IDatabase database, CancellationToken end)
    {
        var random = new Random(worker);
        // The first key is the tag itself, and has no braces for others to be named after it.
        for (var turn = 0; !end.IsCancellationRequested; turn++)
        {
            var key = nameOf((random.Next(1, keys / Workers) * Workers) + worker);
            try
            {
                await TurnAsync(database, _ledgers[worker], key, worker + "/" + turn, turn);
            }
            catch (RedisException lost) when (lost.Message.Contains("is not reachable at this point of time"))
            {
                // It was redirected, so nothing was carried out, to a node that this client is not connected to yet.
                Interlocked.Increment(ref _triedAgain);
            }
            catch (Exception failure) when (failure is RedisException or TimeoutException)
            {
                lock (Errors)
                    Errors.Add(key + ": " + failure.Message);
            }
        }
    }

    private async Task TurnAsync(IDatabase database, Dictionary<string, string> ledger, string key, string value, int turn)
    {
        await ReadAsync(database, ledger, key);
        if (kind == TrafficKind.Reads)
            return;
        await database.StringSetAsync(key, value);
        Acknowledged(ledger, key, value);
        if (kind == TrafficKind.ReadsAndSets)
            return;
        await ReadAsync(database, ledger, key);

        var counter = key + ":counter" + (turn % 50);
        var counted = await database.StringIncrementAsync(counter);
        Expect(counted, ledger.GetValueOrDefault(counter) is { } before ? (long.Parse(before) + 1).ToString() : "1", counter);
        Acknowledged(ledger, counter, counted.ToString());

        var (one, other) = (key + ":one", key + ":other");
        if (await TriedAsync(() => database.StringSetAsync([new(one, value), new(other, value)])))
        {
            Acknowledged(ledger, one, value);
            Acknowledged(ledger, other, value);
        }

        foreach (var read in await TriedAsync(() => database.StringGetAsync([one, other])) ?? [])
            Expect(read, ledger.GetValueOrDefault(one), one + " and " + other);

        var (times, last) = (key + ":times", key + ":last");
        if ((await TriedAsync(() => database.ExecuteAsync("EVAL", CountTwice, 2, (RedisKey)times, (RedisKey)last)))?.ToString() is not { } ran)
            return;
        Expect(ran, ledger.GetValueOrDefault(times) is { } ranBefore ? (long.Parse(ranBefore) + 1).ToString() : "1", times);
        Acknowledged(ledger, times, ran);
        Acknowledged(ledger, last, ran);
    }

    private async Task ReadAsync(IDatabase database, Dictionary<string, string> ledger, string key)
    {
        var expected = ledger.GetValueOrDefault(key) ?? written(key);
        Expect(await database.StringGetAsync(key), expected, key);
        Interlocked.Increment(ref _operations);
    }

    private void Acknowledged(Dictionary<string, string> ledger, string key, string value)
    {
        ledger[key] = value;
        Interlocked.Increment(ref _operations);
    }

    // Keys of one command are on both sides, or it would make new ones on a target that imports: the server does nothing and says so.
    // As long as the slot stays open that does not change, so the application gives up after a while, as real ones do.
    private async Task<T?> TriedAsync<T>(Func<Task<T>> command)
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            try
            {
                return await command();
            }
            catch (RedisException both) when (both.Message.Contains("TRYAGAIN"))
            {
                Interlocked.Increment(ref _triedAgain);
                await Task.Delay(1);
            }
        }

        return default;
    }

    private void Expect(RedisValue read, string? expected, string key)
    {
        if (read == expected)
            return;
        lock (Wrong)
            Wrong.Add(key + ": read " + (read.IsNull ? "nothing" : read.ToString()) + " where " + (expected ?? "nothing") + " was acknowledged");
    }
}
