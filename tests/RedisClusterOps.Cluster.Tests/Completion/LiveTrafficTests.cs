using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.Lab;
using StackExchange.Redis;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>An application that knows nothing of all this writes and reads on while its slot is completed.</summary>
[Collection(nameof(SharedClusters))]
public sealed class LiveTrafficTests(SharedClusters clusters)
{
    private const int Keys = 20_000;
    private const int Workers = 4;

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task No_acknowledged_write_is_lost_and_no_read_is_wrong(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(Keys, moved: 2_000);
        var application = new Application(scene);
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var working = application.RunAsync(end.Token);
        await application.UntilAsync(operations: 500);

        // Two seconds: long enough for every worker to meet keys that are there, on their way, and gone.
        var result = await scene.CompleteSurelyAsync(new MoveOptions { MaxKeysPerSecond = 9_000 });
        var during = application.Operations;
        await application.UntilAsync(during + 500);
        await end.CancelAsync();
        await working;

        Assert.True(during > 1_000, "Only " + during + " operations ran, too few to prove anything.");
        Assert.Empty(application.Wrong);
        Assert.Empty(application.Errors);
        Assert.InRange(result.KeysMoved, Keys - 2_000, Keys);
        Assert.Empty(await application.LedgerDifferencesAsync(scene.Target));
        Assert.Null(await scene.ShownAsync());
    }

    // Every worker has its own keys, so it knows what each of them must hold.
    private sealed class Application(SlotScene scene)
    {
        private readonly Dictionary<string, string>[] _ledgers = [.. Enumerable.Range(0, Workers).Select(_ => new Dictionary<string, string>())];
        private int _operations;

        public int Operations => Volatile.Read(ref _operations);

        public List<string> Wrong { get; } = [];

        public List<string> Errors { get; } = [];

        public async Task RunAsync(CancellationToken end)
        {
            var options = new ConfigurationOptions { AbortOnConnectFail = false, SyncTimeout = 20_000 };
            foreach (var node in scene.Cluster.Masters)
                options.EndPoints.Add(node.Endpoint.Host, node.Endpoint.Port);
            using var connection = await ConnectionMultiplexer.ConnectAsync(options);
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

        /// <summary>What was acknowledged, and what nobody wrote to, against what the new owner holds.</summary>
        public async Task<IReadOnlyList<string>> LedgerDifferencesAsync(LocalNode owner)
        {
            var expected = scene.Keys.Select(Encoding.UTF8.GetString).ToDictionary(key => key, key => LabWedge.ValueOf(Encoding.UTF8.GetBytes(key)));
            foreach (var (key, value) in _ledgers.SelectMany(ledger => ledger))
                expected[key] = value;
            var wrong = new List<string>();
            foreach (var part in expected.Chunk(1000))
            {
                var reply = await owner.SendAsync(["MGET", .. part.Select(entry => entry.Key)]);
                wrong.AddRange(part.Where((entry, i) => reply.Items[i].IsNull || reply.Items[i].Text != entry.Value)
                    .Select((entry, i) => entry.Key + ": acknowledged " + entry.Value));
            }

            return wrong;
        }

        private async Task WorkAsync(int worker, IDatabase database, CancellationToken end)
        {
            var ledger = _ledgers[worker];
            var random = new Random(worker);
            for (var turn = 0; !end.IsCancellationRequested; turn++)
            {
                var key = scene.KeyName((random.Next(Keys / Workers) * Workers) + worker);
                var counter = key + ":counter" + (turn % 50);
                try
                {
                    Expect(await database.StringGetAsync(key), ledger.GetValueOrDefault(key, LabWedge.ValueOf(Encoding.UTF8.GetBytes(key))), key);
                    await database.StringSetAsync(key, worker + "/" + turn);
                    ledger[key] = worker + "/" + turn;
                    Expect(await database.StringGetAsync(key), ledger[key], key);
                    var counted = await database.StringIncrementAsync(counter);
                    Expect(counted, (long.Parse(ledger.GetValueOrDefault(counter, "0")) + 1).ToString(), counter);
                    ledger[counter] = counted.ToString();
                    Interlocked.Add(ref _operations, 4);
                }
                catch (Exception failure) when (failure is RedisException or TimeoutException)
                {
                    lock (Errors)
                        Errors.Add(key + ": " + failure.Message);
                }
            }
        }

        private void Expect(RedisValue read, string expected, string key)
        {
            if (read == expected)
                return;
            lock (Wrong)
                Wrong.Add(key + ": read " + (read.IsNull ? "nothing" : read.ToString()) + " where " + expected + " was acknowledged");
        }
    }
}
