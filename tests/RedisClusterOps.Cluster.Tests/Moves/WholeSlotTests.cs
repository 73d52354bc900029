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

    // Garnet's turn in the short proof is the tour, which rebalances on it.
    public static TheoryData<string> Cases => KillCase.IsFullProof ? Servers.Matrix : [Servers.Redis86];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task An_empty_master_gets_its_share(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, IsTenth(server) ? 4_000 : 40_000);
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
        await cluster.AssertConsistentAsync();
        Assert.Empty((await core.PlanRebalanceAsync(options, KeyByKey, default)).Moves);
    }

    // Garnet looks through all its keys to count those of one slot, and takes a minute for a whole share: in a usual run a tenth of either has to do.
    private static bool IsTenth(string server) => server == Servers.Garnet && !KillCase.IsFullProof;

    private static RebalanceOptions OptionsOf(string server, FilledCluster cluster) => IsTenth(server)
        ? new RebalanceOptions { Weights = new Dictionary<string, double> { [cluster.Nodes[^1].Id] = 0.1 } }
        : new RebalanceOptions { UseEmptyMaster = true };
}
