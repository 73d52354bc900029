using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Keys arrive unchanged: names and values byte for byte, the expiry within the elapsed time, in every database.</summary>
[Collection(nameof(SharedClusters))]
public sealed class KeyFidelityTests(SharedClusters clusters)
{
    // Slot 0 holds the key with the empty name.
    [Theory]
    [MemberData(nameof(Servers.GarnetInFullProof), MemberType = typeof(Servers))]
    public async Task Keys_of_every_name_and_type_read_the_same_after_completing(string server)
    {
        var scene = await clusters.SceneAsync(server, slot: 0, source: 0, target: 3);
        var keys = new Keyspace(0, garnet: scene.Cluster.IsGarnet);
        using var client = scene.Cluster.Client();
        await keys.WriteAsync(client);
        await scene.OpenAsync();
        // Move some keys of each kind by hand, as the operator who began the migration did.
        byte[][] byHand = [.. keys.Keys.Where((_, i) => i % 3 == 0)];
        await scene.Source.SendAsync(["MIGRATE", scene.Target.Endpoint.Host, scene.Target.Endpoint.Port, "", 0, 20_000, "KEYS", .. byHand]);

        var result = await scene.CompleteSuccessfullyAsync();

        Assert.Equal(keys.Keys.Count - byHand.Length, result.KeysMoved);
        Assert.Empty(await keys.DifferencesAsync(client));
        Assert.Equal(keys.Keys.Count, await TestCluster.CountKeysAsync(scene.Target, 0));
        Assert.Null(await scene.ShownAsync());
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Keys_keep_their_time_to_live(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20, moved: 5);
        foreach (var key in scene.Keys.Take(10))
            await scene.Source.SendAsync("PEXPIRE", key, 600_000);
        var start = DateTime.UtcNow;

        await scene.CompleteSuccessfullyAsync();

        foreach (var key in scene.Keys.Take(10))
        {
            var left = (await scene.Target.SendAsync("PTTL", key)).Integer;
            // One more second for the round trip.
            Assert.InRange(left, 599_000 - (DateTime.UtcNow - start).TotalMilliseconds, 600_000);
        }

        foreach (var key in scene.Keys.Skip(10))
            Assert.Equal(-1, (await scene.Target.SendAsync("PTTL", key)).Integer);
        await scene.AssertClosedAsync();
    }

    [Theory(Timeout = 60_000)]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Keys_that_expire_during_the_run_are_gone_and_all_others_remain(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(200);
        var shortLived = LabWedge.KeysOf(scene.Slot, 400).Skip(200).ToArray();
        await SlotScene.PipelineAsync(
            scene.Source, shortLived.Select((key, i) => RespCommand.Of("SET", key, "soon gone", "PX", 20 + (5 * i))));
        await scene.OpenAsync();

        // Slow enough that keys expire before, during and after their batch.
        var result = await scene.CompleteSuccessfullyAsync(new MoveOptions { MaxKeysPerSecond = 300 });

        Assert.InRange(result.KeysMoved, 200, 400);
        await Task.Delay(Math.Max(0, 1100 - (int)result.Elapsed.TotalMilliseconds), TestContext.Current.CancellationToken);
        using var client = scene.Cluster.Client();
        foreach (var key in shortLived)
            Assert.True((await client.AskAsync(key, RespCommand.Of("GET", key))).IsNull);
        await scene.AssertKeysAsync();
        Assert.Null(await scene.ShownAsync());
    }

    // An expired key is still counted and listed until a command accesses it.
    [Theory(Timeout = 60_000)]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Expired_keys_that_are_not_deleted_yet_do_not_block_completion(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(50);
        await scene.Source.SendAsync("DEBUG", "SET-ACTIVE-EXPIRE", 0);
        try
        {
            var expired = LabWedge.KeysOf(scene.Slot, 150).Skip(50).ToArray();
            await SlotScene.PipelineAsync(scene.Source, expired.Select(key => RespCommand.Of("SET", key, "gone", "PX", 1)));
            await scene.OpenAsync();
            Assert.Equal(150, await TestCluster.CountKeysAsync(scene.Source, scene.Slot));
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();

            await scene.CompleteSuccessfullyAsync();
        }
        finally
        {
            await scene.Source.SendAsync("DEBUG", "SET-ACTIVE-EXPIRE", 1);
        }

        await scene.AssertClosedAsync();
    }

    [Theory]
    [InlineData(Servers.Redis86)]
    [InlineData(Servers.Valkey91)]
    public async Task Hash_fields_keep_their_expiry(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.OpenAsync();
        var key = LabWedge.KeysOf(scene.Slot, 1)[0];
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.Source.SendAsync("HSET", key, "kept", "1", "ends", "2");
        await scene.Source.SendAsync("HPEXPIRE", key, 600_000, "FIELDS", 1, "ends");
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);

        await scene.CompleteSuccessfullyAsync();

        var left = await scene.Target.SendAsync("HPTTL", key, "FIELDS", 2, "kept", "ends");
        Assert.Equal(-1, left.Items[0].Integer);
        Assert.InRange(left.Items[1].Integer, 500_000, 600_000);
    }

    [Fact]
    public async Task Keys_of_every_database_move_and_the_handover_deletes_none()
    {
        const int Databases = 4;
        const int KeysInEach = 30;
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, masters: 3, with: options => options with { ConfigLines = ["cluster-databases " + Databases] });
        var scene = new SlotScene(cluster, LabWedge.DefaultSlot, cluster.Node(0), cluster.Node(2));
        var keys = LabWedge.KeysOf(scene.Slot, KeysInEach);
        using (var source = await scene.Source.ConnectAsync())
        {
            for (var database = 0; database < Databases; database++)
            {
                await source.SendAsync(RespCommand.Of("SELECT", database), default);
                foreach (var key in keys)
                    await source.SendAsync(RespCommand.Of("SET", key, ValueIn(database, key)), default);
            }
        }

        await scene.OpenAsync();
        // Database 0 has moved already, so a count of database 0 alone would report that nothing is left.
        await scene.Source.SendAsync(
            ["MIGRATE", scene.Target.Endpoint.Host, scene.Target.Endpoint.Port, "", 0, 5000, "KEYS", .. keys]);
        await scene.AssertShownAsync(RedisOpenSlotState.Migrating, 3 * KeysInEach, KeysInEach);
        var plan = await scene.PlanAsync();
        Assert.Equal(
            ["SELECT 0", "SELECT 1", "SELECT 2", "SELECT 3"], plan.Commands.Select(c => c.Command).Where(c => c.StartsWith("SELECT")));

        Assert.Equal(3 * KeysInEach, (await scene.CompleteSuccessfullyAsync()).KeysMoved);

        var wrong = new List<string>();
        using var target = await scene.Target.ConnectAsync();
        for (var database = 0; database < Databases; database++)
        {
            await target.SendAsync(RespCommand.Of("SELECT", database), default);
            foreach (var key in keys)
            {
                var reply = await target.AskAsync(RespCommand.Of("GET", key), default);
                if (reply.IsNull || reply.Text != ValueIn(database, key))
                    wrong.Add(database + ": " + Encoding.UTF8.GetString(key));
            }
        }

        Assert.Empty(wrong);
        Assert.Null(await scene.ShownAsync());
    }

    private static string ValueIn(int database, byte[] key) => "in " + database + " " + Encoding.UTF8.GetString(key);
}
