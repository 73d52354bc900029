using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
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

    private readonly Ledger[] _ledgers = [.. Enumerable.Range(0, Workers).Select(_ => new Ledger())];
    private int _operations;
    private int _triedAgain;

    /// <summary>On the keys of one slot.</summary>
    public Application(SlotScene scene, TrafficKind kind)
        : this(scene.Cluster, scene.Keys.Count, scene.KeyName, key => LabWedge.ValueOf(Encoding.UTF8.GetBytes(key)), kind)
    {
    }

    public int Operations => Volatile.Read(ref _operations);

    /// <summary>How often it was asked again: keys of one command were on both sides, or it was redirected once more than this client follows.</summary>
    public int TriedAgain => Volatile.Read(ref _triedAgain);

    /// <summary>Reads that gave something else than what was acknowledged before.</summary>
    public List<string> Wrong { get; } = [];

    public List<string> Errors { get; } = [];

    public async Task RunAsync(CancellationToken end)
    {
        var options = new ConfigurationOptions { AbortOnConnectFail = false, SyncTimeout = 20_000, AsyncTimeout = 20_000 };
        foreach (var node in cluster.Masters)
            options.EndPoints.Add(node.Endpoint.Host, node.Endpoint.Port);
        using var connection = await ConnectionMultiplexer.ConnectAsync(options);
        // The masters alone: a replica that the client heard of late it may connect to only when it needs it.
        while (cluster.Masters.Any(node => !connection.GetServer(node.Endpoint.Host, node.Endpoint.Port).IsConnected))
            await Task.Delay(10, end);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => WorkAsync(worker, connection.GetDatabase(), end)));
        foreach (var ledger in _ledgers)
            await SettleAsync(ledger, connection.GetDatabase());
        await connection.CloseAsync(allowCommandsToComplete: false);
    }

    public async Task UntilAsync(int operations)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (Operations < operations && DateTime.UtcNow < until)
            await Task.Delay(10);
        Assert.True(Operations >= operations, "The application stands still: " + string.Join("; ", Errors.Take(3)));
    }

    /// <summary>Every key that was written to, with what was acknowledged last.</summary>
    public IReadOnlyDictionary<string, string> Acknowledged() => _ledgers.SelectMany(ledger => ledger.Acknowledged).ToDictionary();

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
            catch (RedisException redirected) when (IsRedirectedTwice(redirected) || IsUnanswered(redirected))
            {
                Interlocked.Increment(ref _triedAgain);
            }
            catch (Exception failure)
            {
                lock (Errors)
                    Errors.Add(key + ": " + failure.Message);
            }
        }
    }

    private async Task TurnAsync(IDatabase database, Ledger ledger, string key, string value, int turn)
    {
        await ReadAsync(database, ledger, key);
        if (kind == TrafficKind.Reads)
            return;
        await SetAsync(ledger, () => database.StringSetAsync(key, value), value, key);
        if (kind == TrafficKind.ReadsAndSets)
            return;
        await ReadAsync(database, ledger, key);

        var counter = key + ":counter" + (turn % 50);
        await CountAsync(ledger, () => database.StringIncrementAsync(counter), counter);

        var (one, other) = (key + ":one", key + ":other");
        await TriedAsync(() => SetAsync(ledger, () => database.StringSetAsync([new(one, value), new(other, value)]), value, one, other));
        await TriedAsync(async () =>
        {
            var read = await database.StringGetAsync([one, other]);
            Expect(read[0], ledger.Possible(one), one);
            Expect(read[1], ledger.Possible(other), other);
        });

        var (times, last) = (key + ":times", key + ":last");
        await TriedAsync(() => CountAsync(ledger, async () => (long)await database.ExecuteAsync("EVAL", CountTwice, 2, (RedisKey)times, (RedisKey)last), times, last));
    }

    private async Task ReadAsync(IDatabase database, Ledger ledger, string key)
    {
        Expect(await database.StringGetAsync(key), ledger.Possible(key, written(key)), key);
        Interlocked.Increment(ref _operations);
    }

    private async Task SetAsync(Ledger ledger, Func<Task<bool>> command, string value, params string[] keys)
    {
        await AnsweredAsync(ledger, command, [value], keys);
        Acknowledge(ledger, value, keys);
    }

    // How often this was done is what all of the keys hold then.
    private async Task CountAsync(Ledger ledger, Func<Task<long>> command, params string[] keys)
    {
        string[] next = [.. ledger.Possible(keys[0]).Select(before => (long.Parse(before ?? "0") + 1).ToString())];
        var counted = await AnsweredAsync(ledger, command, next, keys);
        Expect(counted, next, keys[0]);
        Acknowledge(ledger, counted.ToString(), keys);
    }

    private void Acknowledge(Ledger ledger, string value, string[] keys)
    {
        foreach (var key in keys)
            ledger.Acknowledge(key, value);
        Interlocked.Add(ref _operations, keys.Length);
    }

    /// <param name="next">What the keys may hold after it.</param>
    private static async Task<T> AnsweredAsync<T>(Ledger ledger, Func<Task<T>> command, string[] next, string[] keys)
    {
        try
        {
            return await command();
        }
        catch (RedisException lost) when (IsUnanswered(lost))
        {
            foreach (var key in keys)
                ledger.Doubt(key, next);
            throw;
        }
    }

    // The client follows one redirection for each command; the node that sent the second did nothing.
    private static bool IsRedirectedTwice(RedisException failure) => failure.Message.Contains("redirect not followed");

    // So it also says of a command that it was redirected with and gave to a connection which broke then: that may have been carried out, or
    // be carried out yet.
    private static bool IsUnanswered(RedisException failure) => failure.Message.Contains("is not reachable at this point of time");

    // All answers are there. What was handed to a connection that broke has come through by now, or never will: what is there is what counts.
    private async Task SettleAsync(Ledger ledger, IDatabase database)
    {
        foreach (var key in ledger.Unanswered.ToList())
        {
            var read = await database.StringGetAsync(key);
            Expect(read, ledger.Possible(key), key);
            ledger.Settle(key, read);
        }
    }

    // Keys of one command are on both sides, or it would make new ones on a target that imports: the server does nothing and says so.
    // As long as the slot stays open that does not change, so the application gives up after a while, as real ones do.
    private async Task TriedAsync(Func<Task> command)
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            try
            {
                await command();
                return;
            }
            catch (RedisException both) when (both.Message.Contains("TRYAGAIN"))
            {
                Interlocked.Increment(ref _triedAgain);
                await Task.Delay(1);
            }
        }
    }

    private void Expect(RedisValue read, IReadOnlyList<string?> expected, string key)
    {
        if (expected.Any(value => read == value))
            return;
        lock (Wrong)
            Wrong.Add(key + ": read " + (read.IsNull ? "nothing" : read.ToString()) + " where " + string.Join(" or ", expected.Select(value => value ?? "nothing")) + " was acknowledged");
    }
}
