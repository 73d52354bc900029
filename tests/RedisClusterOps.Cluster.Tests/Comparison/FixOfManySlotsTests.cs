using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Repair;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>
/// Many open slots between the same two masters, every second one with more keys on its target. The servers' own tool decides by the number
/// of keys, so it makes both masters owners of some slots before the other one is drained.
/// </summary>
public sealed class FixOfManySlotsTests(ITestOutputHelper output)
{
    private const int KeysEach = 4;
    private const int First = 6000;
    private static readonly int SlotCount = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 400 : 40;

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_repair_of_many_slots_loses_no_key(string server)
    {
        await using var cluster = await StartAsync(server);
        var scene = new SlotScene(cluster, First, cluster.Node(1), cluster.Node(2));
        var keys = await WedgeAsync(scene);
        Assert.All(
            await scene.RepairAllAsync(),
            outcome => Assert.Equal((null, MigrationOutcome.Repaired), (outcome.Failure?.Message, outcome.Result.Outcome)));
        Assert.Equal(0, await LostAsync(scene, keys));
    }

    // The number of lost keys is random, but with this many slots it always lost some. redis-cli lost none. The test runs on request only.
    [Fact(Explicit = true)]
    public async Task The_own_tool_of_Valkey_loses_keys()
    {
        await using var cluster = await StartAsync(Servers.Valkey91);
        var scene = new SlotScene(cluster, First, cluster.Node(1), cluster.Node(2));
        var keys = await WedgeAsync(scene);
        var (exitCode, _) = await FixTool.RunAsync(Servers.Valkey91, scene.Source, [], string.Empty);
        var lost = await LostAsync(scene, keys);
        output.WriteLine("exit {0}, {1} of {2} keys in {3} slots lost", exitCode, lost, keys.Count, SlotCount);
        Assert.NotEqual(0, lost);
    }

    private static Task<TestCluster> StartAsync(string server) =>
        TestCluster.StartAsync(server, 3, 0, options => options with { Slots = LocalClusterOptions.SharesFor(3, 3) });

    private static async Task<IReadOnlyList<byte[]>> WedgeAsync(SlotScene scene)
    {
        var all = new List<byte[]>();
        for (var i = 0; i < SlotCount; i++)
        {
            var slot = new SlotScene(scene.Cluster, First + i, scene.Source, scene.Target);
            await slot.WedgeAsync(KeysEach, moved: i % 2 == 0 ? 1 : KeysEach - 1);
            all.AddRange(slot.Keys);
        }

        Assert.Equal(0, await LostAsync(scene, all));
        return all;
    }

    // Lists the keys on all masters, whether they own the slot or not.
    private static async Task<int> LostAsync(SlotScene scene, IReadOnlyList<byte[]> keys)
    {
        var held = new HashSet<string>();
        foreach (var node in scene.Cluster.Masters)
        {
            for (var slot = First; slot < First + SlotCount; slot++)
                held.UnionWith((await node.SendAsync("CLUSTER", "GETKEYSINSLOT", slot, KeysEach)).Items.Select(key => key.Text));
        }

        return keys.Count(key => !held.Contains(System.Text.Encoding.UTF8.GetString(key)));
    }
}
