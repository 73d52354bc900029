using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Clients write, delete, expire keys and run transactions while the slot is completed.</summary>
public sealed class ConcurrentToolTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Writes_of_clients_during_the_run_are_kept(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var expected = new Dictionary<string, string>();
        for (var i = 0; i < 400; i++)
            await slot.OnSourceAsync("SET", slot.Key("k" + i), "0");
        // Some keys expire while they are listed, counted and moved.
        for (var i = 0; i < 200; i++)
            await slot.OnSourceAsync("SET", slot.Key("short" + i), "v", "PX", 50 + i * 5);
        await slot.OpenAsync();
        using var ended = new CancellationTokenSource();
        var finished = 0;
        var working = Task.Run(async () =>
        {
            using var client = slot.Cluster.Client();
            for (var turn = 1; !ended.IsCancellationRequested; turn++)
            {
                var name = "k" + Random.Shared.Next(450);
                var key = slot.Key(name);
                var value = turn.ToString();
                RespCommand command;
                switch (turn % 4)
                {
                    case 0:
                        command = RespCommand.Of("DEL", key);
                        break;
                    case 1:
                        command = RespCommand.Of("EVAL", "redis.call('SET', KEYS[1], ARGV[1]) return 1", 1, key, value);
                        break;
                    default:
                        command = RespCommand.Of("SET", key, value);
                        break;
                }

                var reply = await client.AskAsync(key, command);
                Assert.False(reply.IsError, reply.Text);
                expected[name] = turn % 4 == 0 ? string.Empty : value;
                Volatile.Write(ref finished, turn);
            }
        });

        // However busy the machine is, the client finishes a write before each batch.
        var outcome = await slot.CompleteAsync(
            async (_, commands) =>
            {
                if (!commands[0].ToString().StartsWith("MIGRATE ", StringComparison.Ordinal))
                    return;
                var seen = Volatile.Read(ref finished);
                while (Volatile.Read(ref finished) == seen && !working.IsCompleted)
                    await Task.Delay(1);
            },
            new MoveOptions { BatchSize = 5 });

        await ended.CancelAsync();
        await working;
        Assert.Null(outcome.Failure);
        await slot.AssertClosedAsync();
        Assert.True(expected.Count > 50);
        for (var i = 0; i < 450; i++)
        {
            var wanted = expected.GetValueOrDefault("k" + i, i < 400 ? "0" : string.Empty);
            var reply = await slot.OnTargetAsync("GET", slot.Key("k" + i));
            Assert.Equal(wanted, reply.IsNull ? string.Empty : reply.Text);
        }

        Assert.Equal(0, await slot.KeysOnSourceAsync());
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Transactions_that_delete_and_rewrite_a_key_survive_the_handover(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "0");
        await slot.OpenAsync();
        var (turn, last) = (0, "0");
        using var direct = await slot.Source.ConnectAsync();

        // Before each send, a transaction on the source deletes the key and writes it again, as long as the source accepts it.
        var outcome = await slot.CompleteAsync(async (_, _) =>
        {
            var value = (++turn).ToString();
            var replies = await direct.SendAsync(
                [RespCommand.Of("MULTI"), RespCommand.Of("DEL", key), RespCommand.Of("SET", key, value), RespCommand.Of("EXEC")],
                null,
                default);
            if (!replies[3].IsError && !replies[3].IsNull)
                last = value;
        });

        Assert.Null(outcome.Failure);
        await slot.AssertClosedAsync();
        Assert.NotEqual("0", last);
        Assert.Equal(last, (await slot.OnTargetAsync("GET", key)).Text);
    }

    // A server in import mode keeps expired keys, so the source lists keys that cannot be moved.
    [Fact]
    public async Task A_run_ends_if_the_source_lists_keys_that_cannot_be_moved()
    {
        var slot = await clusters.SlotAsync(Servers.Valkey91);
        for (var i = 0; i < 3; i++)
            await slot.OnSourceAsync("SET", slot.Key("gone" + i), "v", "PX", 1);
        await slot.OnSourceAsync("CONFIG", "SET", "import-mode", "yes");
        try
        {
            for (var i = 0; i < 3; i++)
                await slot.OnSourceAsync("SET", slot.Key("gone" + i), "v", "PX", 1);
            await Task.Delay(50);
            await slot.OpenAsync();
            Assert.Equal(3, await slot.KeysOnSourceAsync());
            var completing = slot.CompleteAsync();
            Assert.Same(completing, await Task.WhenAny(completing, Task.Delay(10_000)));
            Assert.NotNull((await completing).Failure);
        }
        finally
        {
            await slot.OnSourceAsync("CONFIG", "SET", "import-mode", "no");
        }

        await slot.CompletedAsync();
    }

    private static async Task<string> CompleteAsync(MovingSlot slot, MoveOptions options)
    {
        try
        {
            var outcome = await slot.CompleteAsync(options);
            if (outcome.Failure is null)
                await slot.AssertClosedAsync();
            return outcome.Failure?.ToString() ?? "Completed";
        }
        catch (RedisOperationException failure)
        {
            return failure.Message;
        }
    }
}
