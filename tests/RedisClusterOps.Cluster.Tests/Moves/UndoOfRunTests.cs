using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
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
}
