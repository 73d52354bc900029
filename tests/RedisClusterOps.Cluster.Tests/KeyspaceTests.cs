using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Tests the check of keys: unchanged keys are equal after a real move, and each kind of damage is detected.</summary>
public sealed class KeyspaceTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Keys_of_every_kind_are_unchanged_after_a_move_by_hand(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        using var client = cluster.Client();
        var keys = new Keyspace(0, garnet: cluster.IsGarnet);
        await keys.WriteAsync(client);
        Assert.Empty(await keys.DifferencesAsync(client));

        var (source, target) = (cluster.Node(0), cluster.Node(3));
        Assert.Equal(keys.Keys.Count, await TestCluster.CountKeysAsync(source, 0));
        await target.SendAsync("CLUSTER", "SETSLOT", 0, "IMPORTING", source.Id);
        await source.SendAsync("CLUSTER", "SETSLOT", 0, "MIGRATING", target.Id);
        await source.SendAsync(["MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 5000, "KEYS", .. keys.Keys]);
        Assert.Equal(0, await TestCluster.CountKeysAsync(source, 0));
        Assert.Empty(await keys.DifferencesAsync(client));
    }

    // This is why a mover must not trust the reply to MIGRATE, and why the keys have shorter names on Garnet.
    [Fact]
    public async Task Garnet_replies_OK_but_does_not_move_a_key_with_a_name_over_1_KB()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Garnet, masters: 2);
        var (source, target) = (cluster.Node(0), cluster.Node(1));
        byte[] key = [.. LabWedge.KeysOf(0, 2)[1], .. new byte[1100]];
        await source.SendAsync("SET", key, "stays");
        await target.SendAsync("CLUSTER", "SETSLOT", 0, "IMPORTING", source.Id);
        await source.SendAsync("CLUSTER", "SETSLOT", 0, "MIGRATING", target.Id);
        var reply = await source.AskAsync("MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 5000, "KEYS", key);
        Assert.Equal("OK", reply.Text);
        Assert.Equal(1, await TestCluster.CountKeysAsync(source, 0));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Damage_is_detected(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        using var client = cluster.Client();
        var keys = new Keyspace(LabWedge.DefaultSlot);
        await keys.WriteAsync(client);

        async Task Damage(string ending, params object[] command)
        {
            var key = keys.Keys.Single(key => Printable.Quote(key).TrimEnd('"').EndsWith(ending));
            command[1] = key;
            Assert.False((await client.AskAsync(key, RespCommand.Of(command))).IsError);
        }

        await Damage(":list small", "RPUSH", "", "one more");
        await Damage(":hash large", "HDEL", "", "field 7");
        await Damage(":integer", "DEL", "");
        await Damage(":expiring SADD", "PERSIST", "");
        await Damage(":stream", "XACK", "", "workers", "2-1");
        Assert.Equal(5, (await keys.DifferencesAsync(client)).Count);
    }
}
