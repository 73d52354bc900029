using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>A replica without its master's keys is promoted. The demoted master still holds them until it synchronizes.</summary>
public sealed class DemotedMasterTests
{
    private const int Slot = 5519;
    private const int Keys = 200;

    public static TheoryData<string> Cases => Servers.OneOf(Servers.Redis86);

    /// <remarks>The repair used to report Repaired, with no key on either end.</remarks>
    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_slot_whose_keys_are_on_a_demoted_master_is_not_repaired(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 1, options => options with
        {
            Slots = LocalClusterOptions.SharesFor(2, 3),
        });
        var (source, target, replica) = (cluster.Node(0), cluster.Node(2), cluster.Replicas[0]);
        var scene = new SlotScene(cluster, Slot, source, target);
        // A wrong password separates the replica from its master before the keys are written, and the master from its successor later.
        await source.SendAsync("CONFIG", "SET", "masterauth", "wrong");
        await replica.SendAsync("CONFIG", "SET", "masterauth", "wrong");
        await source.SendAsync("CLIENT", "KILL", "TYPE", "replica");
        await UntilAsync(async () => (await replica.SendAsync("INFO", "replication")).Text.Contains("master_link_status:down"));
        await scene.WriteAsync(Keys);
        await scene.OpenAsync();
        await replica.SendAsync("CLUSTER", "FAILOVER", "TAKEOVER");
        await UntilAsync(async () => !(await TestCluster.OwnLineOfAsync(source)).IsMaster);
        await UntilAsync(async () => await cluster.OwnerOfAsync(Slot) == replica);
        Assert.Equal(Keys, await TestCluster.CountKeysAsync(source, Slot));

        var plan = await scene.With(source: replica).PlanRepairAsync();
        Assert.Equal((FailureCode.KeysMissing, source.Endpoint.ToString()), (plan.Refusal?.Code, plan.Refusal?.Subject));
        Assert.Contains("holds 200 keys of slot 5519", plan.Refusal!.Message);
        TestContext.Current.TestOutputHelper!.WriteLine("{0} Next: {1}", plan.Refusal.Message, NextActionText.Of(plan.Refusal.Next!));

        // The way that the refusal names.
        await source.SendAsync("CONFIG", "SET", "masterauth", "");
        await source.SendAsync("CLUSTER", "FAILOVER", "TAKEOVER");
        await UntilAsync(async () => await cluster.OwnerOfAsync(Slot) == source && !(await TestCluster.OwnLineOfAsync(replica)).IsMaster);
        await replica.SendAsync("CONFIG", "SET", "masterauth", "");
        await UntilAsync(async () => (await replica.SendAsync("INFO", "replication")).Text.Contains("master_link_status:up"));
        await cluster.Cluster.WaitUntilAgreedAsync();
        await scene.RepairSuccessfullyAsync();
        Assert.Equal(Keys, await TestCluster.CountKeysAsync(await cluster.OwnerOfAsync(Slot), Slot));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var until = DateTime.UtcNow.AddSeconds(60); !await condition(); await Task.Delay(50))
            Assert.True(DateTime.UtcNow < until, "The condition was not met in a minute.");
    }
}
