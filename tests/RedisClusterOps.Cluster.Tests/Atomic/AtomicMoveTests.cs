using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Preflight;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>Atomic moves of whole slots: the keys, the owner afterwards, and the cases in which no move is started.</summary>
public sealed class AtomicMoveTests
{
    [Theory]
    [MemberData(nameof(AtomicScene.Able), MemberType = typeof(AtomicScene))]
    public async Task Keys_of_every_kind_arrive_and_every_node_reports_the_new_owner(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server, replicas: 4);
        await scene.WriteAsync(40_000);
        using var client = scene.Cluster.Client();
        Keyspace[] odd = [new(0), new(2048), new(4095), new(4096)];
        foreach (var keys in odd)
            await keys.WriteAsync(client);
        var before = await scene.CountAllKeysAsync();
        Assert.True(before > 40_000);

        var outcome = await scene.MoveAsync();

        Assert.Equal((false, 1), (outcome.Adopted, outcome.Attempts));
        Assert.Null(outcome.Note);
        Assert.NotEmpty(scene.Notices);
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
        foreach (var keys in odd)
        {
            // The next test covers streams on Valkey.
            Assert.DoesNotContain(await keys.DifferencesAsync(client), text => !(scene.IsValkey && text.Contains(":stream:")));
        }

        Assert.Equal(before, await scene.CountAllKeysAsync());
        Assert.True(await scene.IsIdleAsync());
    }

    // Valkey transfers a stream as commands, and claiming a deleted entry has no effect. MIGRATE keeps such an entry.
    [Fact]
    public async Task Valkey_loses_only_pending_entries_of_a_stream_that_were_deleted()
    {
        await using var scene = await AtomicScene.StartAsync(Servers.Valkey91);
        const string Key = "{tag}stream";
        var slot = HashSlot.Of("{tag}"u8.ToArray()[1..4]);
        var source = await scene.Cluster.OwnerOfAsync(slot);
        foreach (var id in new[] { "1-1", "2-1", "3-7" })
            await source.SendAsync("XADD", Key, id, "field", "value");
        await source.SendAsync("XGROUP", "CREATE", Key, "workers", "0");
        await source.SendAsync("XREADGROUP", "GROUP", "workers", "alice", "STREAMS", Key, ">");
        await source.SendAsync("XDEL", Key, "3-7");
        Assert.Equal(3, (await source.SendAsync("XPENDING", Key, "workers")).Items[0].Integer);

        await scene.MoveAsync(SlotSet.From([slot]), source);

        var pending = await scene.Target.SendAsync("XPENDING", Key, "workers", "-", "+", 10);
        Assert.Equal(["1-1", "2-1"], pending.Items.Select(entry => entry.Items[0].Text));
        Assert.Equal(2, (await scene.Target.SendAsync("XLEN", Key)).Integer);
        var info = (await scene.Target.SendAsync("XINFO", "STREAM", Key)).Items.Select(item => item.Text).ToList();
        Assert.Equal(("3-7", "3"), (info[info.IndexOf("max-deleted-entry-id") + 1], info[info.IndexOf("entries-added") + 1]));
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task Empty_slots_in_many_ranges_move_and_a_second_move_finds_nothing_to_do(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        var every = SlotSet.From(Enumerable.Range(0, 400).Select(i => i * 3));
        Assert.Equal(1, (await scene.MoveAsync(every)).Attempts);
        await scene.AssertOwnerAsync(scene.Target, every);
        Assert.Equal(0, (await scene.MoveAsync(every)).Attempts);
        Assert.Single(await scene.ListAsync(scene.Target));
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task Slots_that_the_target_owns_are_skipped_and_the_others_move(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        await scene.WriteAsync(20_000);
        await scene.MoveAsync(SlotSet.From([new SlotRange(10, 20), new SlotRange(4095, 4095)]));
        Assert.Equal(1, (await scene.MoveAsync()).Attempts);
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
    }

    // A master without slots becomes a replica of the one that took the last slot, and loads the keys again.
    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task A_move_succeeds_when_the_drained_source_becomes_a_replica(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        await scene.WriteAsync(20_000);
        var all = SlotSet.From([new SlotRange(0, 5460)]);
        Assert.Equal(1, (await scene.MoveAsync(all)).Attempts);
        await scene.AssertOwnerAsync(scene.Target, all);
        await scene.AssertKeysAsync(slot => all.Contains(slot) ? scene.Target : scene.BeforeMove(slot));
        Assert.Equal(0, (await scene.MoveAsync(all)).Attempts);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task Three_sources_move_to_one_target(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        await scene.WriteAsync(20_000);
        SlotSet[] shares = [.. new[] { 0, 5461, 10922 }.Select(first => SlotSet.From([new SlotRange(first, first + 1364)]))];
        // On Redis they run one after the other.
        await Task.WhenAll(shares.Select((share, i) => scene.MoveAsync(share, scene.Cluster.Node(i))));
        foreach (var share in shares)
            await scene.AssertOwnerAsync(scene.Target, share);
        await scene.AssertKeysAsync(slot => shares.Any(share => share.Contains(slot)) ? scene.Target : scene.BeforeMove(slot));
        Assert.Equal(20_000, await scene.CountAllKeysAsync());
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task An_open_slot_on_either_end_is_refused_before_any_change(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        foreach (var (node, action, peer) in new[] { (scene.Source, "MIGRATING", scene.Target), (scene.Target, "IMPORTING", scene.Source) })
        {
            await node.SendAsync("CLUSTER", "SETSLOT", 5000, action, peer.Id);
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync());
            Assert.Equal(FailureCode.SlotStateUnsuitable, refusal.Code);
            Assert.Contains("slot 5000", refusal.Message);
            Assert.Contains("No slot was transferred", refusal.Message);
            Assert.Equal("Complete-RedisSlotMigration -Slot 5000", refusal.NextStep());
            Assert.Empty(await scene.ListAsync(node));
            await node.SendAsync("CLUSTER", "SETSLOT", 5000, "STABLE");
        }

        await scene.AssertOwnerAsync(scene.Source);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task Slots_of_a_third_node_and_replicas_are_refused(string server)
    {
        await using var scene = await AtomicScene.StartAsync(server, replicas: 4);
        var foreign = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync(SlotSet.From([new SlotRange(5400, 5500)])));
        Assert.Equal(FailureCode.SlotNotOwned, foreign.Code);
        Assert.Contains("slot 5461 belongs to " + scene.Cluster.Node(1).Endpoint, foreign.Message);
        var replica = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync(target: scene.Cluster.Replicas[1]));
        Assert.Equal(FailureCode.StalePlan, replica.Code);
        Assert.True(await scene.IsIdleAsync());
    }

    public static TheoryData<string, string, string> Rights => new()
    {
        { Servers.Redis86, "-cluster|migration", "STATUS" },
        { Servers.Valkey91, "-cluster|migrateslots", "MIGRATESLOTS" },
        { Servers.Valkey91, "-cluster|getslotmigrations", "GETSLOTMIGRATIONS" },
    };

    [Theory]
    [MemberData(nameof(Rights))]
    public async Task A_missing_permission_is_named_and_nothing_moves(string server, string rule, string what)
    {
        await using var scene = await AtomicScene.StartAsync(server);
        scene.Session = await RestrictedUser.OnAsync(scene.Cluster.Nodes, rule);
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync());
        Assert.Equal(FailureCode.PermissionDenied, failure.Code);
        Assert.Contains(what, failure.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("-Method KeyByKey", failure.NextStep());
        await scene.AssertOwnerAsync(scene.Source);
    }

    // Valkey nodes authenticate to each other as replicas do. Redis nodes use an internal secret.
    [Fact]
    public async Task Failed_authentication_between_nodes_is_not_retried()
    {
        await using var scene = await AtomicScene.StartAsync(Servers.Valkey91);
        await scene.Target.SendAsync("CONFIG", "SET", "requirepass", "secret");
        await scene.Source.SendAsync("ACL", "SETUSER", "default", ">secret");
        scene.Session = new RedisClusterSession([scene.Source.Endpoint], new Protocol.ConnectionOptions { Password = "secret" });
        foreach (var other in new[] { 1, 2 })
            await scene.Cluster.Node(other).SendAsync("ACL", "SETUSER", "default", ">secret");
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync());
        Assert.Equal(FailureCode.AuthenticationFailed, failure.Code);
        Assert.Contains("that the nodes use for each other", failure.Message);
        Assert.Contains("primaryauth", failure.NextStep());
        Assert.Contains("No slot was transferred", failure.Message);
        Assert.Single(await scene.ListAsync(scene.Source));
    }

    // Redis deletes the keys one by one if a client tracks invalidations.
    [Fact]
    public async Task A_move_waits_until_the_source_has_deleted_its_keys()
    {
        await using var scene = await AtomicScene.StartAsync(Servers.Redis86);
        await scene.WriteAsync(150_000);
        using var curious = await scene.Source.ConnectAsync();
        var id = await curious.SendAsync([Protocol.RespCommand.Of("CLIENT", "ID")], null, default);
        await curious.SendAsync([Protocol.RespCommand.Of("CLIENT", "TRACKING", "ON", "REDIRECT", id[0].Text)], null, default);
        Assert.Null((await scene.MoveAsync()).Note);
        var info = ServerFacts.ParseFields((await scene.Source.SendAsync("CLUSTER", "INFO")).Text);
        Assert.Equal("0", info["cluster_slot_migration_active_trim_running"]);
        Assert.Equal("1", info["cluster_slot_migration_stats_active_trim_completed"]);
        await scene.AssertKeysAsync(scene.AfterMove);
    }
}
