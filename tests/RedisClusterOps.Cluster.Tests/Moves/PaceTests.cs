using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>The rate limit, the number of pairs in parallel, and a master that hands over all its slots.</summary>
public sealed class PaceTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task The_rate_limit_is_not_exceeded(string server)
    {
        const int Rate = 2_000;
        await using var cluster = await FilledCluster.StartAsync(server, keys: 20_000);
        using var core = new RedisCluster(cluster.Session);
        var options = Options with { MaxKeysPerSecond = Rate };
        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
        var clock = Stopwatch.StartNew();
        var running = MoveRuns.CarryOutAsync(core, plan, options);
        var samples = new List<(double Seconds, long Keys)>();
        while (!running.IsCompleted)
        {
            samples.Add((clock.Elapsed.TotalSeconds, (await cluster.Nodes[^1].SendAsync("DBSIZE")).Integer));
            await Task.Delay(50);
        }

        Assert.All(await running, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        output.WriteLine("{0}: {1} keys in {2:0.00} s", server, samples[^1].Keys, clock.Elapsed.TotalSeconds);
        // One batch of each pair may be sent early.
        Assert.All(samples, sample => Assert.InRange(sample.Keys, 0, (Rate * sample.Seconds) + (Rate * 0.75)));
        Assert.InRange(clock.Elapsed.TotalSeconds, (5_000.0 / Rate) - 0.75, 60);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task With_MaxParallel_1_one_pair_moves_at_a_time(string server, MoveMethod method)
    {
        await using var cluster = await FilledCluster.StartAsync(server, keys: 10_000);
        using var core = new RedisCluster(cluster.Session);
        var options = Options with { Method = method, MaxParallel = 1 };
        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
        using var stop = new CancellationTokenSource();
        var most = WatchAsync(cluster.Nodes, stop.Token);
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
        await stop.CancelAsync();
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.InRange(await most, 0, 1);
        Assert.Equal([4096, 4096, 4096, 4096], await cluster.SlotCountsAsync());
        await cluster.AssertConsistentAsync();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_drained_master_becomes_a_replica_if_allowed_and_the_check_warns_about_it(string server, MoveMethod method)
    {
        foreach (var may in new[] { false, true })
        {
            await using var cluster = await FilledCluster.StartAsync(
                server,
                keys: 10_000,
                with: options => options with { ConfigLines = ["cluster-allow-replica-migration " + (may ? "yes" : "no")] });
            using var core = new RedisCluster(cluster.Session);
            var options = Options with { Method = method };
            var drained = cluster.Nodes[1];
            var plan = await core.PlanRebalanceAsync(
                new RebalanceOptions { Weights = new Dictionary<string, double> { [drained.Id] = 0 } }, options, default);
            var isWarned = (await core.CheckMovesAsync(plan, options, default)).Findings.Any(
                finding => finding.Code == PlanFindingCode.SourceBecomesReplica && finding.Target == drained.Endpoint.ToString());
            Assert.Equal(may, isWarned);
            var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
            Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
            Assert.Equal(plan.SlotCount, outcomes.Count);
            await Kills.KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(drained)).IsMaster != may);
            Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
            await cluster.AssertConsistentAsync();
        }
    }

    public static TheoryData<string, MoveMethod> Cases => MoveMethods.OneOfEach;

    private static MoveOptions Options => new() { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };

    /// <summary>The highest number of masters that were migrating slots at the same time.</summary>
    private static async Task<int> WatchAsync(IReadOnlyList<LocalNode> nodes, CancellationToken end)
    {
        var most = 0;
        while (!end.IsCancellationRequested)
        {
            var own = await Task.WhenAll(nodes.Select(TestCluster.OwnLineOfAsync));
            most = Math.Max(most, own.Count(line => line.MigratingTo.Count > 0));
        }

        return most;
    }
}
