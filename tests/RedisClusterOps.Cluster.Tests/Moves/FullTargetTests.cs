using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// A run waits for a target that is near its maxmemory and reports the reason. It refuses a target that would evict keys.
/// </summary>
public sealed class FullTargetTests
{
    private const int Keys = 3_000;
    private const int Large = 10_000;
    private const long Megabyte = 1 << 20;

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_run_waits_for_free_memory_and_reports_the_reason(string server)
    {
        await using var scene = await StartAsync(server);
        await LimitAsync(scene.Target, 6 * Megabyte);
        using var log = new OperationLog();
        using var core = new RedisCluster(scene.Cluster.Session, log);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, MaxKeysPerSecond = 1_000, JournalPath = JournalOfTests.NewFolder() };
        var running = MoveRuns.CarryOutAsync(core, KeyByKey(scene.Plan), options);
        await EventAsync(log, OperationEventKind.Warning, "Waiting: " + scene.Target.Endpoint + " has used");
        await ServerCalls.UntilAsync(scene.Target, "info", more: 2);
        Assert.False(running.IsCompleted);
        await scene.Target.SendAsync("CONFIG", "SET", "maxmemory", 0);
        await EventAsync(log, OperationEventKind.State, "Resuming");
        Assert.All(await running, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        await AssertMovedAsync(scene);
    }

    // At full speed: keys that the target rejects between two memory checks move once there is room.
    [Fact]
    public async Task Keys_that_a_full_target_rejects_move_once_there_is_room()
    {
        await using var scene = await StartAsync(Servers.Redis70);
        await LimitAsync(scene.Target, 3 * Megabyte);
        using var log = new OperationLog();
        using var core = new RedisCluster(scene.Cluster.Session, log);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        var running = MoveRuns.CarryOutAsync(core, KeyByKey(scene.Plan), options);
        await EventAsync(log, OperationEventKind.Warning, "Waiting: ");
        await scene.Target.SendAsync("CONFIG", "SET", "maxmemory", 0);
        Assert.All(await running, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        await AssertMovedAsync(scene);
    }

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_target_that_would_evict_keys_is_refused_before_any_change(string server)
    {
        await using var scene = await StartAsync(server);
        await LimitAsync(scene.Target, 3 * Megabyte);
        await scene.Target.SendAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        using var core = new RedisCluster(scene.Cluster.Session);
        foreach (var plan in new[] { scene.Plan, KeyByKey(scene.Plan) })
        {
            var refused = await Assert.ThrowsAsync<RedisOperationException>(() => core.CheckMovesAsync(plan, new MoveOptions(), default));
            Assert.Equal((FailureCode.TargetOutOfMemory, scene.Target.Endpoint.ToString()), (refused.Code, refused.Subject));
        }

        Assert.Equal(0, (await scene.Target.SendAsync("DBSIZE")).Integer);
        await scene.Cluster.AssertClosedAsync();
    }

    /// <remarks>The run used to report each slot as moved, with the keys that had arrived, and exit status 0.</remarks>
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task Keys_that_the_target_evicts_in_the_middle_are_reported(string server)
    {
        await using var scene = await StartAsync(server);
        using var core = new RedisCluster(scene.Cluster.Session);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, MaxKeysPerSecond = 600, JournalPath = JournalOfTests.NewFolder() };
        var running = MoveRuns.CarryOutAsync(core, KeyByKey(scene.Plan), options);
        while ((await scene.Target.SendAsync("DBSIZE")).Integer < 500)
            await Task.Delay(20);
        await scene.Target.SendAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
        await LimitAsync(scene.Target, -2 * Megabyte);
        var outcomes = await running;

        var evicted = outcomes.Select(outcome => outcome.Failure).Where(failure => failure?.Code == FailureCode.TargetOutOfMemory);
        Assert.Contains("has evicted", evicted.First()!.Message);
        // No slot counts as moved that has lost keys, unless it has a later result.
        var lost = outcomes.Where(outcome => outcome.Failure?.Code == FailureCode.KeysMissing).ToList();
        Assert.NotEmpty(lost);
        var named = lost.Select(outcome => outcome.Result.Slot).ToHashSet();
        var recorded = Assert.Single(RedisCluster.GetMigrations(options.JournalPath, null)).Slots.Where(slot => named.Contains(slot.Slot));
        Assert.All(recorded, slot => Assert.Equal(MigrationOutcome.Failed, slot.Outcome));
        foreach (var outcome in outcomes.Where(outcome => outcome.Failure is null && !named.Contains(outcome.Result.Slot)))
        {
            var keys = (await scene.Target.SendAsync("CLUSTER", "COUNTKEYSINSLOT", outcome.Result.Slot)).Integer;
            Assert.True(keys >= outcome.Result.KeysMoved, outcome.Result + ": " + keys + " of " + outcome.Result.KeysMoved);
        }

        TestContext.Current.TestOutputHelper!.WriteLine("{0}", string.Join("\n", outcomes.GroupBy(outcome => outcome.Failure?.Code)
            .Select(group => group.Count() + " x " + group.Key + ": " + group.First().Failure?.Message)));
    }

    private static async Task<TroubleScene> StartAsync(string server)
    {
        var scene = await TroubleScene.StartAsync(server, Keys);
        // One more value of 10 KB for each key: 30 MB in all, of which a quarter moves.
        var owners = await scene.Cluster.OwnersAsync();
        for (var number = 0; number < Keys; number++)
            await scene.Cluster.Nodes[owners[FilledCluster.SlotOf(FilledCluster.Name(number))]].SendAsync(
                "SETRANGE", LargeOf(number), Large, "!");
        await scene.PlanAgainAsync();
        return scene;
    }

    private static async Task AssertMovedAsync(TroubleScene scene)
    {
        var owners = await scene.Cluster.OwnersAsync();
        Assert.Equal(scene.Cluster.OwnersIn(scene.Plan.After), owners);
        for (var number = 0; number < Keys; number++)
        {
            var owner = scene.Cluster.Nodes[owners[FilledCluster.SlotOf(FilledCluster.Name(number))]];
            Assert.Equal(Large + 1, (await owner.SendAsync("STRLEN", LargeOf(number))).Integer);
            await owner.SendAsync("DEL", LargeOf(number));
        }

        await scene.Cluster.AssertConsistentAsync();
    }

    private static string LargeOf(int number) => "{" + FilledCluster.Name(number) + "}:large";

    private static RedisRebalancePlan KeyByKey(RedisRebalancePlan plan) =>
        plan with { Moves = [.. plan.Moves.Select(move => move with { DecidedMethod = MoveMethod.KeyByKey })] };

    private static async Task LimitAsync(LocalNode node, long room)
    {
        var info = (await node.SendAsync("INFO", "memory")).Text.Split("\r\n");
        var used = info.Single(line => line.StartsWith("used_memory:", StringComparison.Ordinal)).Split(':')[1];
        await node.SendAsync("CONFIG", "SET", "maxmemory", long.Parse(used, CultureInfo.InvariantCulture) + room);
    }

    private static async Task EventAsync(OperationLog log, OperationEventKind kind, string text)
    {
        var logged = new List<string>();
        for (var until = DateTime.UtcNow.AddSeconds(30); DateTime.UtcNow < until; await Task.Yield())
        {
            if (!log.TryTake(out var next, TimeSpan.FromMilliseconds(50)))
                continue;
            if (next!.Kind == kind && next.Message.StartsWith(text, StringComparison.Ordinal))
                return;
            logged.Add(next.Kind + " " + next.Message);
        }

        Assert.Fail("'" + text + "' was never logged, but: " + string.Join("; ", logged.TakeLast(5)));
    }
}
