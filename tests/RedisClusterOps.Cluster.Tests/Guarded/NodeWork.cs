using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>The work of the cmdlets that change nodes, on the two replicas of the cluster. An administrator prepares it.</summary>
internal static class NodeWork
{
    public static IReadOnlyDictionary<string, CmdletWork> All { get; } = new Dictionary<string, CmdletWork>
    {
        ["New-RedisCluster"] = Of(
            slot => OutAsync(slot.Cluster, 0, 1),
            (core, _) => core.PlanNewClusterAsync(1, null, default),
            async slot =>
            {
                foreach (var node in Spares(slot.Cluster))
                    await node.SendAsync("CLUSTER", "RESET", "HARD");
            }) with
        {
            Seeds = cluster => [.. Spares(cluster).Select(node => node.Endpoint)],
        },
        ["Add-RedisClusterNode"] = Of(
            slot => OutAsync(slot.Cluster, 0),
            (core, slot) => core.PlanAddAsync(Spares(slot.Cluster)[0].Endpoint, null, null, default),
            slot => OutAsync(slot.Cluster, 0)),
        ["Add-RedisClusterNode -ReplicaOf"] = Of(
            slot => OutAsync(slot.Cluster, 0),
            (core, slot) => core.PlanAddAsync(Spares(slot.Cluster)[0].Endpoint, Name(slot.Source), null, default)),
        ["Set-RedisClusterReplica"] = Of(
            slot => InAsync(slot.Cluster, 0),
            async (core, slot) =>
            {
                var replica = Spares(slot.Cluster)[0];
                var isOfSource = (await TestCluster.OwnLineOfAsync(replica)).MasterId == slot.Source.Id;
                return await core.PlanReplicaAsync(
                    Name(replica), Name(isOfSource ? slot.Cluster.Node(1) : slot.Source), null, default);
            }),
        ["Invoke-RedisClusterFailover"] = Of(
            slot => InAsync(slot.Cluster, 0),
            (core, slot) => core.PlanFailoverAsync(Name(Spares(slot.Cluster)[0]), RedisFailoverMode.Graceful, null, default),
            async slot =>
            {
                // The other cases expect the masters in their places.
                using var admin = new RedisCluster(slot.Session) { KeepsJournal = false };
                var promoted = (await TestCluster.OwnLineOfAsync(Spares(slot.Cluster)[0])).Id;
                var followers = (await TestCluster.ViewOfAsync(slot.Source))
                    .Where(line => line.MasterId == promoted).Select(line => line.Id).ToList();
                var former = slot.Cluster.Masters.Single(master => followers.Contains(master.Id));
                await admin.FailOverAsync(
                    await admin.PlanFailoverAsync(Name(former), RedisFailoverMode.Graceful, null, default), default);
            }),
        ["Remove-RedisClusterNode"] = Of(
            slot => InAsync(slot.Cluster, 0),
            (core, slot) => core.PlanRemovalAsync(Name(Spares(slot.Cluster)[0]), false, false, false, null, default),
            slot => Spares(slot.Cluster)[0].SendAsync("CLUSTER", "RESET", "HARD")),
        ["Remove-RedisClusterNode -Reset"] = Of(
            slot => InAsync(slot.Cluster, 0),
            (core, slot) => core.PlanRemovalAsync(Name(Spares(slot.Cluster)[0]), true, false, false, null, default)),
    };

    private static CmdletWork Of(
        Func<MovingSlot, Task> prepare, Func<RedisCluster, MovingSlot, Task<MembershipPlan>> plan, Func<MovingSlot, Task>? after = null) =>
        new(false, async (core, slot) =>
    {
        await prepare(slot);
        var made = await plan(core, slot);
        Assert.NotEmpty(made.Commands);
        return (made.Findings, async () =>
        {
            Assert.Equal(NodeChangeOutcome.Changed, (await core.ChangeAsync(made, default)).Outcome);
            if (after is not null)
                await after(slot);
        });
    });

    private static IReadOnlyList<LocalNode> Spares(TestCluster cluster) => cluster.Replicas;

    private static string Name(LocalNode node) => node.Endpoint.ToString();

    /// <summary>Makes spare nodes replicas of the first master.</summary>
    private static async Task InAsync(TestCluster cluster, params int[] numbers)
    {
        using var admin = Admin(cluster);
        foreach (var node in numbers.Select(number => Spares(cluster)[number]))
        {
            if ((await TestCluster.OwnLineOfAsync(node)).MasterId is null)
                await admin.ChangeAsync(await admin.PlanAddAsync(node.Endpoint, Name(cluster.Node(0)), null, default), default);
        }
    }

    /// <summary>Makes spare nodes empty nodes of no cluster.</summary>
    private static async Task OutAsync(TestCluster cluster, params int[] numbers)
    {
        using var admin = Admin(cluster);
        foreach (var node in numbers.Select(number => Spares(cluster)[number]))
        {
            if ((await TestCluster.ViewOfAsync(node)).Count > 1)
                await admin.RemoveAsync(await admin.PlanRemovalAsync(Name(node), true, false, false, null, default), default);
        }
    }

    private static RedisCluster Admin(TestCluster cluster) =>
        new(new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection)) { KeepsJournal = false };
}
