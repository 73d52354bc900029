using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A cluster with many keys in all slots. At the end every key has to be on the owner of its slot and on no other node.</summary>
internal sealed class FilledCluster : IAsyncDisposable
{
    private const int InOneGo = 1000;

    private FilledCluster(TestCluster cluster, int keys) => (Cluster, Keys) = (cluster, keys);

    public TestCluster Cluster { get; }

    public int Keys { get; }

    public IReadOnlyList<LocalNode> Nodes => Cluster.Nodes;

    public RedisClusterSession Session => new([Cluster.Node(0).Endpoint], Cluster.Connection);

    /// <summary>Starts a cluster. By default three masters share all slots and the fourth has none.</summary>
    public static async Task<FilledCluster> StartAsync(
        string server, int keys, int masters = 4, int replicas = 0, Func<LocalClusterOptions, LocalClusterOptions>? with = null)
    {
        var cluster = new FilledCluster(await TestCluster.StartAsync(server, masters, replicas, with), keys);
        await cluster.FillAsync();
        return cluster;
    }

    /// <summary>The owner of each slot, by index of the node. All running nodes have to agree.</summary>
    public async Task<IReadOnlyList<int>> OwnersAsync()
    {
        var maps = new List<int[]>();
        foreach (var node in Nodes.Where(node => node.IsRunning))
        {
            var owners = Enumerable.Repeat(-1, HashSlot.Count).ToArray();
            foreach (var line in (await TestCluster.ViewOfAsync(node)).Where(line => line.IsMaster))
            {
                foreach (var slot in line.Slots.Slots)
                    owners[slot] = Cluster.NodeOf(line.Id).Index;
            }

            maps.Add(owners);
        }

        // Compares first, because an assertion on whole maps takes longer than everything else.
        if (maps.FirstOrDefault(map => !map.AsSpan().SequenceEqual(maps[0])) is { } other)
            Assert.Equal(maps[0], other);
        return maps[0];
    }

    public async Task<IReadOnlyList<int>> SlotCountsAsync()
    {
        var owners = await OwnersAsync();
        return [.. Enumerable.Range(0, Nodes.Count).Select(index => owners.Count(owner => owner == index))];
    }

    /// <summary>The owner of each slot in the shares of a plan, by index of the node.</summary>
    public IReadOnlyList<int> OwnersIn(IReadOnlyList<RedisNodeShare> shares)
    {
        var owners = Enumerable.Repeat(-1, HashSlot.Count).ToArray();
        foreach (var share in shares)
        {
            foreach (var slot in SlotSet.From(share.Ranges).Slots)
                owners[slot] = Cluster.NodeOf(share.Id).Index;
        }

        return owners;
    }

    /// <summary>The number of server-side migrations in progress on the node; 0 on servers without them.</summary>
    public static async Task<int> TasksAsync(LocalNode node)
    {
        var (redis, valkey) = (
            await node.AskAsync("CLUSTER", "MIGRATION", "STATUS", "ALL"), await node.AskAsync("CLUSTER", "GETSLOTMIGRATIONS"));
        var tasks = !redis.IsError ? AtomicTask.AllOfRedis(redis) : !valkey.IsError ? AtomicTask.AllOfValkey(valkey) : [];
        return tasks.Count(task => task.End == AtomicEnd.None);
    }

    /// <summary>
    /// Asserts that no slot is open, that every key is on the owner of its slot with the value it was written with, and that there are no
    /// other keys.
    /// </summary>
    /// <param name="others">Keys that another client has written, with their values.</param>
    public async Task AssertConsistentAsync(IReadOnlyDictionary<string, string>? others = null)
    {
        await AssertClosedAsync();
        await AssertKeysAsync(others);
    }

    public async Task AssertClosedAsync()
    {
        foreach (var node in Nodes.Where(node => node.IsRunning))
        {
            var own = await TestCluster.OwnLineOfAsync(node);
            Assert.True(!own.IsMaster || own.MigratingTo.Count + own.ImportingFrom.Count == 0, node.Endpoint + " has slots open.");
        }
    }

    /// <summary>
    /// Asserts that every key is on the owner of its slot with the value it was written with, and that there are no other keys.
    /// </summary>
    public async Task AssertKeysAsync(IReadOnlyDictionary<string, string>? others = null)
    {
        var owners = await OwnersAsync();
        Assert.DoesNotContain(-1, owners);
        var expected = Enumerable.Range(0, Keys).Select(key => (Name: Name(key), Value: Value(key)))
            .Concat((others ?? new Dictionary<string, string>()).Select(other => (Name: other.Key, other.Value)))
            .ToLookup(key => owners[SlotOf(key.Name)]);
        foreach (var node in Nodes.Where(node => node.IsRunning))
        {
            if (!(await TestCluster.OwnLineOfAsync(node)).IsMaster)
                continue;
            var mine = expected[node.Index].ToList();
            var values = await EachAsync(node, mine, key => RespCommand.Of("GET", key.Name));
            for (var i = 0; i < mine.Count; i++)
            {
                var value = values[i].IsNull ? null : values[i].Text;
                if (value == mine[i].Value)
                    continue;
                var actual = value is null ? "missing" : "'" + value + "'";
                var where = await WhereAsync(SlotOf(mine[i].Name));
                Assert.Fail(mine[i].Name + " should be '" + mine[i].Value + "' on " + node.Endpoint + ", but is " + actual + where);
            }

            Assert.Equal((node.Endpoint, mine.Count), (node.Endpoint, (int)(await node.SendAsync("DBSIZE")).Integer));
        }
    }

    // Shows whether a missing key is lost or on another node.
    private async Task<string> WhereAsync(int slot)
    {
        var found = new List<string>();
        foreach (var node in Nodes.Where(node => node.IsRunning))
        {
            var keys = (await node.SendAsync("CLUSTER", "GETKEYSINSLOT", slot, 10)).Items;
            found.Add(node.Endpoint + ": " + string.Join(", ", keys.Select(key => key.Text)));
        }

        var expected = Enumerable.Range(0, Keys).Count(key => SlotOf(Name(key)) == slot);
        return "; " + expected + " keys of slot " + slot + " were written; found on " + string.Join(" | ", found);
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private async Task FillAsync()
    {
        var owners = await OwnersAsync();
        await Task.WhenAll(Nodes.Select(node => EachAsync(
            node,
            [.. Enumerable.Range(0, Keys).Where(key => owners[SlotOf(Name(key))] == node.Index)],
            key => RespCommand.Of("SET", Name(key), Value(key)))));
    }

    private static async Task<IReadOnlyList<RespValue>> EachAsync<T>(LocalNode node, List<T> keys, Func<T, RespCommand> command)
    {
        var replies = new List<RespValue>();
        if (keys.Count == 0)
            return replies;
        using var connection = await node.ConnectAsync();
        foreach (var part in keys.Chunk(InOneGo))
        {
            foreach (var reply in await connection.SendAsync([.. part.Select(command)], null, default))
            {
                Assert.False(reply.IsError, reply.Text);
                replies.Add(reply);
            }
        }

        return replies;
    }

    public static int SlotOf(string key) => HashSlot.Of(Encoding.UTF8.GetBytes(key));

    public static string Name(int key) => "key:" + key.ToString("d8");

    public static string Value(int key) => "value of " + key.ToString();
}
