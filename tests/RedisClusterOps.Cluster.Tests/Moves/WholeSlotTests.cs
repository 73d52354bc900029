using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Whole slots move key by key with all their keys, on every server and between all pairs of masters at once.</summary>
public sealed class WholeSlotTests(ITestOutputHelper output)
{
    private static readonly MoveOptions KeyByKey = new() { Method = MoveMethod.KeyByKey };

    // In the short proof, the tour of the lab rebalances on Garnet.
    public static TheoryData<string> Cases => KillCase.IsFullProof ? Servers.Matrix : [Servers.Redis86];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task An_empty_master_receives_its_share(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, IsTenth(server) ? 4_000 : 40_000);
        using var core = new RedisCluster(cluster.Session);
        var options = OptionsOf(server, cluster);
        var plan = await core.PlanRebalanceAsync(options, KeyByKey, default);
        var clock = Stopwatch.StartNew();
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, KeyByKey);
        output.WriteLine(server + ": " + plan + " in " + clock.ElapsedMilliseconds + " ms");

        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.All(
            outcomes,
            outcome => Assert.Equal(
                (MigrationOutcome.Moved, "Rebalance", "KeyByKey"),
                (outcome.Result.Outcome, outcome.Result.Operation, outcome.Result.Method)));
        Assert.InRange(plan.SlotCount, options.UseEmptyMaster ? 4096 : 500, 4096);
        Assert.Equal(plan.SlotCount, outcomes.Select(outcome => outcome.Result.Slot).Distinct().Count());
        Assert.Equal(plan.Moves.Sum(move => move.EstimatedKeys), outcomes.Sum(outcome => outcome.Result.KeysMoved));
        Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
        Assert.Empty((await core.PlanRebalanceAsync(options, KeyByKey, default)).Moves);
    }

    // Garnet scans all its keys to count those of one slot and takes a minute for a whole share. The short proof uses a tenth of the keys
    // and slots.
    private static bool IsTenth(string server) => server == Servers.Garnet && !KillCase.IsFullProof;

    private static RebalanceOptions OptionsOf(string server, FilledCluster cluster) => IsTenth(server)
        ? new RebalanceOptions { Weights = new Dictionary<string, double> { [cluster.Nodes[^1].Id] = 0.1 } }
        : new RebalanceOptions { UseEmptyMaster = true };
}
