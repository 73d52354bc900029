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
/// An application that is unaware of migrations. Its workers read, write, count, write several keys of one hash tag together and run
/// scripts. Each worker has keys of its own, so the value of every key is known. A ledger holds the acknowledged writes.
/// </summary>
/// <param name="keys">The number of keys, which the workers divide among themselves.</param>
/// <param name="nameOf">The name of each key, from 1 on. It is the prefix of further keys in the same slot.</param>
/// <param name="written">The value that a key had before; null if it did not exist.</param>
internal sealed class Application(TestCluster cluster, int keys, Func<int, string> nameOf, Func<string, string?> written, TrafficKind kind)
{
    private const int Workers = 4;
    private const string CountTwice = "local n = redis.call('INCR', KEYS[1]) redis.call('SET', KEYS[2], n) return n";

    private readonly Ledger[] _ledgers = [.. Enumerable.Range(0, Workers).Select(_ => new Ledger())];
    private int _operations;
    private int _triedAgain;

    /// <summary>Creates an application that uses the keys of one slot.</summary>
    public Application(SlotScene scene, TrafficKind kind)
        : this(scene.Cluster, scene.Keys.Count, scene.KeyName, key => LabWedge.ValueOf(Encoding.UTF8.GetBytes(key)), kind)
    {
    }

    public int Operations => Volatile.Read(ref _operations);

    /// <summary>
    /// The number of retries: keys of one command were on both nodes, or there were more redirects than this client follows.
    /// </summary>
    public int TriedAgain => Volatile.Read(ref _triedAgain);

    /// <summary>Reads that returned another value than the acknowledged one.</summary>
    public List<string> Wrong { get; } = [];

    public List<string> Errors { get; } = [];

    public async Task RunAsync(CancellationToken end)
    {
        var options = new ConfigurationOptions { AbortOnConnectFail = false, SyncTimeout = 20_000, AsyncTimeout = 20_000 };
        foreach (var node in cluster.Masters)
            options.EndPoints.Add(node.Endpoint.Host, node.Endpoint.Port);
        using var connection = await ConnectionMultiplexer.ConnectAsync(options);
        // Only the masters: the client connects to a replica only when it needs one.
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
        Assert.True(Operations >= operations, "The application makes no progress: " + string.Join("; ", Errors.Take(3)));
    }

    /// <summary>Every key that was written, with its last acknowledged value.</summary>
    public IReadOnlyDictionary<string, string> Acknowledged() => _ledgers.SelectMany(ledger => ledger.Acknowledged).ToDictionary();

    /// <summary>Compares the acknowledged values and the untouched keys with the keys of the owner.</summary>
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
                .Select(read => read.entry.Key + ": acknowledged " + read.entry.Value + ", found " + (read.Is ?? "nothing")));
        }

        // There must be no other keys.
        if (await TestCluster.CountKeysAsync(owner, scene.Slot) is var count && count != expected.Count)
            wrong.Add(count + " keys, but " + expected.Count + " were written");
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
        // The first key is the hash tag itself without braces, so it cannot be a prefix.
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
        await TriedAsync(() => CountAsync(ledger, CountTwiceAsync, times, last));

        async Task<long> CountTwiceAsync() =>
            (long)await database.ExecuteAsync("EVAL", CountTwice, 2, (RedisKey)times, (RedisKey)last);
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

    // Each call increments the keys, so they hold the number of calls.
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

    /// <param name="next">The values that the keys may have afterwards.</param>
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

    // The client follows one redirect for each command. The node that sent the second one did nothing.
    private static bool IsRedirectedTwice(RedisException failure) => failure.Message.Contains("redirect not followed");

    // The same text appears if the connection broke after the redirected command was handed to it. Such a command may have run, or may
    // still run.
    private static bool IsUnanswered(RedisException failure) => failure.Message.Contains("is not reachable at this point of time");

    // All replies have arrived. A command on a broken connection has run by now or never will, so the current value is the right one.
    private async Task SettleAsync(Ledger ledger, IDatabase database)
    {
        foreach (var key in ledger.Unanswered.ToList())
        {
            var read = await database.StringGetAsync(key);
            Expect(read, ledger.Possible(key), key);
            ledger.Settle(key, read);
        }
    }

    // The keys of one command are on both nodes, or the command would create keys on an importing target: the server rejects it. That
    // does not change while the slot is open, so the application gives up after a while, as real ones do.
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
            Wrong.Add(
                key + ": read " + (read.IsNull ? "nothing" : read.ToString()) + " instead of "
                    + string.Join(" or ", expected.Select(value => value ?? "nothing")));
    }
}
