using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// A rebalance ends early because of its connections, its password or a dead node: each slot has a result that names the resume, and the
/// resume works.
/// </summary>
public sealed class EndedRunTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Connections_that_break_every_few_hundred_milliseconds(string server)
    {
        var random = TestSeed.NewRandom();
        await using var cluster = await FilledCluster.StartAsync(server, Keys);
        var proxies = cluster.Nodes.Select(node => new TcpProxy(node.Endpoint)).ToList();
        var map = cluster.Nodes.Zip(proxies).ToDictionary(pair => pair.First.Endpoint.ToString(), pair => pair.Second.Endpoint.ToString());
        var session = new RedisClusterSession([proxies[0].Endpoint], cluster.Cluster.Connection, map);
        var options = Options() with { MaxKeysPerSecond = 4_000 };
        using var ended = new CancellationTokenSource();
        var cutting = Task.Run(async () =>
        {
            while (!ended.IsCancellationRequested)
            {
                await Task.Delay(random.Next(200, 800));
                proxies[random.Next(proxies.Count)].CutAll();
            }
        });

        var (plan, outcomes, failure) = await RunAsync(cluster, session, options);
        await ended.CancelAsync();
        await cutting;
        output.WriteLine("{0}: {1} cuts; {2}", server, proxies.Sum(proxy => proxy.Cuts), Trace(outcomes, failure));
        AssertReported(plan, outcomes, options.JournalPath!);
        AssertNameResume(outcomes, failure, options);
        await ResumeAsync(cluster, cluster.Session, options);
        foreach (var proxy in proxies)
            await proxy.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_password_that_is_revoked_in_the_middle(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, Keys);
        foreach (var node in cluster.Nodes)
            await node.SendAsync("ACL", "SETUSER", "operator", "on", ">first", "~*", "+@all");
        var session = new RedisClusterSession(
            [cluster.Nodes[0].Endpoint], cluster.Cluster.Connection with { User = "operator", Password = "first" });
        var options = Options() with { MaxKeysPerSecond = 4_000 };
        var revoking = Task.Run(async () =>
        {
            await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(cluster.Nodes[^1])).Slots.Count > 100);
            foreach (var node in cluster.Nodes)
            {
                await node.SendAsync("ACL", "SETUSER", "operator", "resetpass", ">second");
                await node.SendAsync("CLIENT", "KILL", "USER", "operator");
            }
        });

        var (plan, outcomes, failure) = await RunAsync(cluster, session, options);
        await revoking;
        output.WriteLine("{0}: {1}", server, Trace(outcomes, failure));
        Assert.Contains(outcomes, outcome => outcome.Failure?.Code == FailureCode.AuthenticationFailed);
        AssertReported(plan, outcomes, options.JournalPath!);
        AssertNameResume(outcomes, failure, options);
        var other = new RedisClusterSession(
            [cluster.Nodes[0].Endpoint], cluster.Cluster.Connection with { User = "operator", Password = "second" });
        await ResumeAsync(cluster, other, options);
    }

    // Its replica has its slots then, under another id, and without the flags of the run. The target still imports hundreds of slots from
    // the dead source, ignores the successor's claim for them, and answers CLUSTERDOWN until it is sent the owner of all of them.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_source_that_dies_and_is_forgotten(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(
            server, Keys, replicas: 4, with: lab => lab with { NodeTimeout = TimeSpan.FromSeconds(2) });
        var session = new RedisClusterSession([cluster.Nodes[1].Endpoint], cluster.Cluster.Connection);
        var options = Options() with { MaxKeysPerSecond = 2_000 };
        var source = cluster.Nodes[0];
        var killing = Task.Run(async () =>
        {
            await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(cluster.Nodes[3])).Slots.Count > 100);
            source.Kill();
        });
        var (plan, outcomes, failure) = await RunAsync(cluster, session, options);
        await killing;
        output.WriteLine("{0}: {1}", server, Trace(outcomes, failure));
        AssertReported(plan, outcomes, options.JournalPath!);
        AssertNameResume(outcomes, failure, options);

        var others = cluster.Nodes.Where(node => node.IsRunning).ToList();
        await KillScene.UntilAsync(async () => (await TestCluster.ViewOfAsync(others[0])).Any(line =>
            line.IsMaster && line.Id != source.Id && line.Slots.Contains(0)));
        foreach (var node in others)
            await node.SendAsync("CLUSTER", "FORGET", source.Id);
        await ResumeAsync(cluster, session, options);
    }

    private static async Task<(RedisRebalancePlan Plan, IReadOnlyList<SlotOutcome> Outcomes, Exception? Failure)> RunAsync(
        FilledCluster cluster, RedisClusterSession session, MoveOptions options)
    {
        RedisRebalancePlan plan;
        using (var planning = new RedisCluster(cluster.Session))
            plan = await planning.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
        var outcomes = new List<SlotOutcome>();
        using var core = new RedisCluster(session);
        try
        {
            var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
            while (await run.NextAsync() is { } some)
                outcomes.AddRange(some);
            return (plan, outcomes, null);
        }
        catch (Exception failure) when (failure is not XunitException)
        {
            return (plan, outcomes, failure);
        }
    }

    // A slot that was not touched shares the result of its pair.
    private static void AssertReported(RedisRebalancePlan plan, IReadOnlyList<SlotOutcome> outcomes, string journal)
    {
        Assert.NotEmpty(outcomes);
        Assert.Equal(outcomes.Count, outcomes.Select(outcome => outcome.Result.Slot).Distinct().Count());
        var run = Assert.Single(RedisCluster.GetMigrations(journal, null));
        var touched = run.Slots.Where(slot => slot.Since is not null && slot.Failure != FailureCode.Stopped).Select(slot => slot.Slot);
        Assert.Empty(touched.Except(outcomes.Select(outcome => outcome.Result.Slot)));
        Assert.Equal(plan.SlotCount, run.SlotCount);
    }

    private static void AssertNameResume(IReadOnlyList<SlotOutcome> outcomes, Exception? failure, MoveOptions options)
    {
        var id = Assert.Single(RedisCluster.GetMigrations(options.JournalPath, null)).Id;
        foreach (var failed in outcomes.Where(outcome => outcome.Failure is { Code: not FailureCode.ClusterViewConflict }))
        {
            Assert.True(failed.Failure!.Next?.Code == NextActionCode.Resume, failed.Failure.ToString());
            Assert.Equal((id, options.JournalPath), (failed.Failure.Next!.MigrationId, failed.Failure.Next.JournalPath));
        }

        if (failure is not null)
            Assert.Equal(id, Assert.IsAssignableFrom<RedisOperationException>(failure).Next?.MigrationId);
    }

    private static async Task ResumeAsync(FilledCluster cluster, RedisClusterSession session, MoveOptions options)
    {
        using (var core = new RedisCluster(session))
        {
            var id = Assert.Single(RedisCluster.GetMigrations(options.JournalPath, null)).Id;
            var again = options with { MaxKeysPerSecond = 0 };
            var plan = await core.PlanResumeOfMovesAsync(id, again, default);
            var outcomes = await MoveRuns.CarryOutAsync(core, plan!, again);
            Assert.All(plan!.Settled.Concat(outcomes), outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        }

        await cluster.AssertConsistentAsync();
    }

    private static string Trace(IReadOnlyList<SlotOutcome> outcomes, Exception? failure) =>
        string.Join(", ", outcomes.GroupBy(outcome => outcome.Failure?.Code.ToString() ?? outcome.Result.Outcome.ToString())
            .Select(group => group.Count() + " " + group.Key + " (" + group.First().Failure?.Message + ")"))
            + "; ended by " + failure?.Message;

    private static MoveOptions Options() => new()
    {
        Method = MoveMethod.KeyByKey,
        Timeout = TimeSpan.FromSeconds(5),
        JournalPath = JournalOfTests.NewFolder(),
    };
}
