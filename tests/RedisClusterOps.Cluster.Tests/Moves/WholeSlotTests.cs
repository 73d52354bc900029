using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Slots move whole, with all their keys, key by key: every server, every pair of masters at once.</summary>
public sealed class WholeSlotTests(ITestOutputHelper output)
{
    private static readonly MoveOptions KeyByKey = new() { Method = MoveMethod.KeyByKey };

    [Theory]
    [MemberData(nameof(Servers.Matrix), MemberType = typeof(Servers))]
    public async Task An_empty_master_gets_its_share(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, keys: 40_000);
        using var core = new RedisCluster(cluster.Session);
        var options = OptionsOf(server, cluster);
        var plan = await core.PlanRebalanceAsync(options, KeyByKey, default);
        var clock = Stopwatch.StartNew();
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, KeyByKey);
        output.WriteLine(server + ": " + plan + " in " + clock.ElapsedMilliseconds + " ms");

        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.All(outcomes, outcome => Assert.Equal((MigrationOutcome.Moved, "Rebalance", "KeyByKey"), (outcome.Result.Outcome, outcome.Result.Operation, outcome.Result.Method)));
        Assert.InRange(plan.SlotCount, options.UseEmptyMaster ? 4096 : 500, 4096);
        Assert.Equal(plan.SlotCount, outcomes.Select(outcome => outcome.Result.Slot).Distinct().Count());
        Assert.Equal(plan.Moves.Sum(move => move.EstimatedKeys), outcomes.Sum(outcome => outcome.Result.KeysMoved));
        Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
        await cluster.AssertInOrderAsync();
        Assert.Empty((await core.PlanRebalanceAsync(options, KeyByKey, default)).Moves);
    }

    // Garnet takes a minute for a whole share, so a usual run gives its empty master a tenth of one.
    private static RebalanceOptions OptionsOf(string server, FilledCluster cluster) => server != Servers.Garnet || KillCase.IsFullProof
        ? new RebalanceOptions { UseEmptyMaster = true }
        : new RebalanceOptions { Weights = new Dictionary<string, double> { [cluster.Nodes[^1].Id] = 0.1 } };
}
