using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Traffic;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// An application uses keys in all slots while they move. The cluster matches its ledger of acknowledged writes exactly.
/// </summary>
public sealed class LiveTrafficTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;
    private const int OfApplication = 4_000;

    public static TheoryData<string, MoveMethod> Cases => MoveMethods.OneOfEach;

    public static TheoryData<string, MoveMethod> Stops =>
        new() { { Servers.Redis70, MoveMethod.KeyByKey }, { Servers.Redis86, MoveMethod.Atomic }, { Servers.Valkey91, MoveMethod.Atomic } };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Clients_notice_no_rebalance(string server, MoveMethod method)
    {
        await using var cluster = await FilledCluster.StartAsync(server, Keys);
        // A few seconds, so that the workers use slots before, while and after they move.
        var options = OptionsOf(method) with { MaxKeysPerSecond = 5_000 };
        var application = On(cluster);
        await WithTrafficAsync(application, async () =>
        {
            using var core = new RedisCluster(cluster.Session);
            var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
            var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
            Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
            Assert.Equal(4096, outcomes.Count);
        });
        output.WriteLine(
            "{0} {1}: {2} operations, {3} retries for keys on both nodes",
            server,
            method,
            application.Operations,
            application.TriedAgain);
        Assert.Equal([4096, 4096, 4096, 4096], await cluster.SlotCountsAsync());
        await cluster.AssertConsistentAsync(application.Acknowledged());
    }

    // Clients write new keys to slots that are open and wait to be moved.
    [Theory]
    [MemberData(nameof(Stops))]
    public async Task Clients_notice_no_rebalance_that_is_stopped_and_resumed_repeatedly(string server, MoveMethod method)
    {
        var random = TestSeed.NewRandom();
        await using var cluster = await FilledCluster.StartAsync(server, Keys);
        var options = OptionsOf(method) with { MaxKeysPerSecond = 20_000 };
        var application = On(cluster);
        var stops = 0;
        await WithTrafficAsync(application, async () =>
        {
            for (var left = 1; left > 0; stops++)
            {
                using var core = new RedisCluster(cluster.Session);
                var plan = stops == 0
                    ? await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default)
                    : await core.PlanResumeOfMovesAsync(null, options, default);
                Assert.NotNull(plan);
                var outcomes = await MoveRuns.CarryOutAsync(
                    core,
                    plan,
                    options,
                    stops < 6 ? TimeSpan.FromMilliseconds(random.Next(method == MoveMethod.Atomic ? 100 : 250)) : null);
                Assert.All(
                    outcomes, outcome => Assert.True(outcome.Failure is null or { Code: FailureCode.Stopped }, outcome.Failure?.Message));
                left = outcomes.Count(outcome => outcome.Failure is not null);
            }
        });
        output.WriteLine("{0} {1}: {2} runs, {3} operations", server, method, stops, application.Operations);
        Assert.Equal([4096, 4096, 4096, 4096], await cluster.SlotCountsAsync());
        await cluster.AssertConsistentAsync(application.Acknowledged());
    }

    private static MoveOptions OptionsOf(MoveMethod method) => new() { Method = method, JournalPath = JournalOfTests.NewFolder() };

    private static Application On(FilledCluster cluster) =>
        new(cluster.Cluster, OfApplication, number => "{app:" + number + "}", _ => null, TrafficKind.Everything);

    private static async Task WithTrafficAsync(Application application, Func<Task> something)
    {
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var working = application.RunAsync(end.Token);
        await application.UntilAsync(500);
        await something();
        await application.UntilAsync(application.Operations + 500);
        await end.CancelAsync();
        await working;
        Assert.True(application.Wrong.Count == 0, string.Join("\n", application.Wrong.Take(6)));
        Assert.True(application.Errors.Count == 0, string.Join("\n", application.Errors.Take(6)));
    }
}
