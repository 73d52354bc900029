using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Migration;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A run that moved whole slots is undone as a whole: every master has the slots that it had, and is still a master.</summary>
public sealed class UndoOfRunTests
{
    public static TheoryData<string, MoveMethod> Cases
    {
        get
        {
            var cases = new TheoryData<string, MoveMethod>
            {
                { Servers.Redis70, MoveMethod.KeyByKey },
                { Servers.Valkey91, MoveMethod.Auto },
            };
            if (KillCase.IsFullProof)
            {
                cases.Add(Servers.Redis86, MoveMethod.Auto);
                cases.Add(Servers.Valkey91, MoveMethod.KeyByKey);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_finished_rebalance_is_undone(string server, MoveMethod method)
    {
        var options = new MoveOptions { Method = method, JournalPath = JournalOfTests.NewFolder() };
        await using var cluster = await FilledCluster.StartAsync(server, keys: 8_000);
        var before = await cluster.OwnersAsync();
        using (var core = new RedisCluster(cluster.Session))
            await MoveRuns.CarryOutAsync(
                core, await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default), options);
        Assert.NotEqual(before, await cluster.OwnersAsync());
        var run = Assert.Single(RedisCluster.GetMigrations(options.JournalPath, null));
        Assert.Equal((MigrationState.Completed, 4096, 4096), (run.State, run.SlotCount, run.SlotsDone));

        using (var core = new RedisCluster(cluster.Session))
        {
            var outcomes = await MoveRuns.CarryOutAsync(core, (await core.PlanUndoOfMovesAsync(run.Id, options, default))!, options);
            Assert.All(outcomes, outcome => Assert.Equal((MigrationOutcome.RolledBack, null), (outcome.Result.Outcome, outcome.Failure)));
            Assert.Equal(4096, outcomes.Count);
        }

        Assert.Equal(before, await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
        foreach (var node in cluster.Nodes)
        {
            Assert.True((await TestCluster.OwnLineOfAsync(node)).IsMaster, node.Endpoint + " became a replica.");
            Assert.Equal("yes", (await node.SendAsync("CONFIG", "GET", "cluster-allow-replica-migration")).Items[1].Text);
        }

        // The undo itself can be undone.
        using (var core = new RedisCluster(cluster.Session))
        {
            var undo = RedisCluster.GetMigrations(options.JournalPath, null).First(known => known.Operation == "Undo");
            await MoveRuns.CarryOutAsync(core, (await core.PlanUndoOfMovesAsync(undo.Id, options, default))!, options);
        }

        Assert.Equal([4096, 4096, 4096, 4096], await cluster.SlotCountsAsync());
        await cluster.AssertConsistentAsync();
    }

    public static TheoryData<string, int> Drains
    {
        get
        {
            var cases = new TheoryData<string, int> { { Servers.Redis70, 0 }, { Servers.Valkey91, 4 } };
            if (KillCase.IsFullProof)
            {
                cases.Add(Servers.Redis70, 4);
                cases.Add(Servers.Redis86, 0);
                cases.Add(Servers.Redis86, 4);
                cases.Add(Servers.Valkey91, 0);
            }

            return cases;
        }
    }

    /// <remarks>
    /// A drained master becomes a replica, as servers do by default. The undo used to put its slots on the master that it replicates, and
    /// called them rolled back.
    /// </remarks>
    [Theory]
    [MemberData(nameof(Drains))]
    public async Task The_undo_of_a_drain_waits_until_the_drained_node_is_a_master_again(string server, int replicas)
    {
        var options = new MoveOptions { JournalPath = JournalOfTests.NewFolder() };
        await using var cluster = await FilledCluster.StartAsync(server, keys: 4_000, replicas: replicas);
        var before = await cluster.OwnersAsync();
        var drained = cluster.Nodes[0];
        var weights = new Dictionary<string, double> { [drained.Endpoint.ToString()] = 0 };
        using (var core = new RedisCluster(cluster.Session))
        {
            var plan = await core.PlanRebalanceAsync(new RebalanceOptions { Weights = weights, UseEmptyMaster = true }, options, default);
            var check = await core.CheckMovesAsync(plan, options, default);
            var finding = Assert.Single(check.Findings, finding => finding.Code == PlanFindingCode.SourceBecomesReplica);
            Assert.Equal(drained.Endpoint.ToString(), finding.Target);
            await MoveRuns.CarryOutAsync(core, plan, options);
        }

        await Polling.UntilAsync(
            async () => !(await TestCluster.OwnLineOfAsync(drained)).IsMaster, TimeSpan.FromMilliseconds(20),
            TimeSpan.FromMilliseconds(100), pause => Task.Delay(pause));
        var afterwards = await cluster.OwnersAsync();
        var run = Assert.Single(RedisCluster.GetMigrations(options.JournalPath, null));
        using (var core = new RedisCluster(cluster.Session))
        {
            var undo = (await core.PlanUndoOfMovesAsync(run.Id, options, default))!;
            Assert.Empty(undo.Moves);
            Assert.Equal(before.Count(owner => owner == 0), undo.Settled.Select(refused => refused.Result.Slot).Distinct().Count());
            Assert.All(undo.Settled, refused => Assert.Equal(
                (MigrationOutcome.Failed, FailureCode.SlotStateUnsuitable, drained.Id),
                (refused.Result.Outcome, refused.Failure!.Code, refused.Result.TargetId)));
            Assert.Equal((NextActionCode.Undo, run.Id), (undo.Settled[0].Failure!.Next!.Code, undo.Settled[0].Failure!.Next!.MigrationId));
        }

        Assert.Equal(afterwards, await cluster.OwnersAsync());

        // The way that the refusal names.
        var peer = cluster.Nodes.First(node => node != drained);
        await drained.SendAsync("CLUSTER", "RESET", "SOFT");
        await drained.SendAsync("CLUSTER", "MEET", peer.Endpoint.Host, peer.Endpoint.Port);
        await cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        using (var core = new RedisCluster(cluster.Session))
        {
            var undo = (await core.PlanUndoOfMovesAsync(run.Id, options, default))!;
            Assert.Empty(undo.Settled);
            var outcomes = await MoveRuns.CarryOutAsync(core, undo, options);
            Assert.All(outcomes, outcome => Assert.Equal((MigrationOutcome.RolledBack, null), (outcome.Result.Outcome, outcome.Failure)));
        }

        Assert.Equal(before, await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
    }
}
