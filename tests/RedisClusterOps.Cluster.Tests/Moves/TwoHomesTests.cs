using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Preflight;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Driver;
using RedisClusterOps.Protocol;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// Two runs from two machines, each with its own journal and locks, begin together on one cluster. One of them yields, and no key is lost.
/// </summary>
public sealed class TwoHomesTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Of_two_runs_that_begin_together_one_yields(string server)
    {
        var random = TestSeed.NewRandom();
        var wrong = new List<string>();
        foreach (var round in KillCase.Rounds(full: 20, few: 3))
        {
            await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.KeyByKey);
            var ends = await BothAsync(scene, random.Next(0, 200));
            var trace = $"round {round}: " + string.Join(" | ", ends.Select(end => $"exit {end.ExitCode}, {end.Results.Count} results, "
                + end.FirstFailure[..Math.Min(300, end.FirstFailure.Length)]));
            try
            {
                Assert.Contains(ends, end => end.ExitCode == 0);
                var failures = ends.SelectMany(end => end.Failures).ToList();
                // The one that plans while the other moves slots may find its plan stale.
                Assert.All(failures, failure => Assert.Contains(
                    failure.Code, new[] { nameof(FailureCode.AnotherToolAtWork), nameof(FailureCode.StalePlan) }));
                Assert.Single(ends, end => end.ExitCode != 0);
                await scene.Cluster.AssertConsistentAsync();
            }
            catch (XunitException failure)
            {
                wrong.Add(trace + ": " + failure.Message[..Math.Min(300, failure.Message.Length)]);
            }

            output.WriteLine(trace + "; unreadable keys: " + await UnreadableAsync(scene));
        }

        Assert.Empty(wrong);
    }

    // The connection of a run that both began with, as after a network split between the two machines.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_run_in_progress_yields_to_an_earlier_one_and_is_resumed(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, Keys);
        // At this rate it would take ten seconds: on a busy machine, too, the other run appears before the last window.
        var options = new MoveOptions
        {
            Method = MoveMethod.KeyByKey, MaxKeysPerSecond = 500, JournalPath = JournalOfTests.NewFolder(),
        };
        var outcomes = new List<SlotOutcome>();
        string id;
        using (var core = new RedisCluster(cluster.Session))
        {
            var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
            var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
            id = run.MigrationId!;
            outcomes.AddRange((await run.NextAsync())!);
            using var other = await cluster.Nodes[2].ConnectAsync();
            var name = "redisclusterops-elsewhere-17-run-20200101T000000Z-0a1b2c-moving";
            await other.SendAsync([RespCommand.Of("CLIENT", "SETNAME", name)], null, default);
            while (await run.NextAsync() is { } some)
                outcomes.AddRange(some);
        }

        var failed = outcomes.Where(outcome => outcome.Failure is not null).Select(outcome => outcome.Failure!).ToList();
        output.WriteLine("{0} moved, {1} failed: {2}", outcomes.Count - failed.Count, failed.Count, failed[0].Message);
        Assert.All(failed, failure => Assert.Equal(
            (FailureCode.AnotherToolAtWork, NextActionCode.Resume, id), (failure.Code, failure.Next!.Code, failure.Next.MigrationId)));
        Assert.Contains(
            "Run 20200101T000000Z-0a1b2c of redisclusterops-elsewhere-17 is changing slots on this cluster: it is connected to "
                + cluster.Nodes[2].Endpoint + " from 127.0.0.1:",
            failed[0].Message);
        using (var core = new RedisCluster(cluster.Session))
        {
            options = options with { MaxKeysPerSecond = 0 };
            Assert.All(
                await MoveRuns.CarryOutAsync(core, (await core.PlanResumeOfMovesAsync(id, options, default))!, options),
                outcome => Assert.Null(outcome.Failure));
        }

        await cluster.AssertConsistentAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_single_slot_is_not_begun_while_another_run_moves_slots(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, keys: 100);
        var options = new MoveOptions { JournalPath = JournalOfTests.NewFolder() };
        using var core = new RedisCluster(cluster.Session);
        var plan = await core.PlanStartAsync(5, null, cluster.Nodes[3].Id, options, default);
        using (var other = await cluster.Nodes[1].ConnectAsync())
        {
            var name = "redisclusterops-elsewhere-17-run-20991231T000000Z-0a1b2c-moving";
            await other.SendAsync([RespCommand.Of("CLIENT", "SETNAME", name)], null, default);
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => core.CarryOutAsync(plan, default));
            Assert.Equal(FailureCode.AnotherToolAtWork, refusal.Code);
            output.WriteLine(refusal.Message + " Next: " + refusal.Next);
            await cluster.AssertClosedAsync();
        }

        Assert.Null((await core.CarryOutAsync(plan, default)).Failure);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_user_without_rights_to_see_clients_is_warned_and_not_stopped(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(server, keys: 100);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        using var log = new OperationLog();
        using var core = new RedisCluster(await RestrictedUser.OnAsync(cluster.Nodes, "-client"), log);
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [5, 6], Target = cluster.Nodes[3].Id }, options, default);
        var check = await core.CheckMovesAsync(plan, options, default);
        output.WriteLine(Assert.Single(check.Findings, finding => finding.Code == PlanFindingCode.OtherRunsUnseen).Message);
        Assert.All(await MoveRuns.CarryOutAsync(core, check, options), outcome => Assert.Null(outcome.Failure));
        var warnings = new List<string>();
        while (log.TryTake(out var taken, TimeSpan.Zero))
        {
            if (taken!.Kind == OperationEventKind.Warning)
                warnings.Add(taken.Message);
        }

        Assert.Contains(warnings, warning => warning.Contains("CLIENT SETNAME", StringComparison.Ordinal));
        Assert.Contains(warnings, warning => warning.Contains("CLIENT LIST", StringComparison.Ordinal));
        output.WriteLine(string.Join("\n", warnings));
    }

    // Two people with different aims: one gives the empty master its share, the other moves slots between two others.
    private static async Task<OperationEnd[]> BothAsync(MoveScene scene, int delay)
    {
        DriverRequest Request(DriverRequest request) => request with
        {
            Cluster = string.Join(',', scene.Cluster.Nodes.Select(node => node.Endpoint)),
            Options = new MoveOptions { Method = MoveMethod.KeyByKey, MaxKeysPerSecond = 10_000, Timeout = TimeSpan.FromSeconds(5) },
        };

        var first = OperationProcess.StartAsync(
            Request(new DriverRequest
            {
                Operation = DriverOperation.Rebalance,
                Rebalance = new RebalanceOptions { UseEmptyMaster = true, Threshold = 0 },
            }),
            home: JournalOfTests.NewFolder());
        await Task.Delay(delay);
        var second = OperationProcess.StartAsync(
            Request(new DriverRequest
            {
                Operation = DriverOperation.Move,
                Selection = new SlotSelection { Count = 3_000, Sources = ["*"], Target = scene.Cluster.Nodes[1].Id },
            }),
            home: JournalOfTests.NewFolder());
        using var one = await first;
        using var two = await second;
        return await Task.WhenAll(one.EndAsync(), two.EndAsync());
    }

    /// <summary>The number of keys that no owner of their slot holds.</summary>
    private static async Task<int> UnreadableAsync(MoveScene scene)
    {
        var held = new HashSet<string>();
        foreach (var node in scene.Cluster.Nodes)
        {
            var slots = (await TestCluster.OwnLineOfAsync(node)).Slots;
            var names = (await node.SendAsync("KEYS", "*")).Items.Select(key => key.Text);
            held.UnionWith(names.Where(name => slots.Contains(FilledCluster.SlotOf(name))));
        }

        return scene.Cluster.Keys - held.Count;
    }
}
