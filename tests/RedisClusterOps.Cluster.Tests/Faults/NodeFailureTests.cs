using System;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Nodes that die or freeze while a slot is being completed.</summary>
public sealed class NodeFailureTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_node_that_dies_in_the_middle_and_comes_back_has_lost_nothing(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, masters: 3, with: options => options with { AppendOnly = true, ConfigLines = ["appendfsync always"] });
        foreach (var sourceDies in new[] { true, false })
        {
            var slot = new MovingSlot(cluster, sourceDies ? 1 : 2);
            var keys = Enumerable.Range(0, 2000).Select(i => slot.Key("k" + i)).ToList();
            await slot.OnSourceAsync(["MSET", .. keys.SelectMany(key => new object[] { key, LabWedge.ValueOf(key) })]);
            await slot.OpenAsync();
            var victim = sourceDies ? slot.Source : slot.Target;

            // In the middle: the kill comes right behind a MIGRATE, while the servers are at it.
            var (sent, killed) = (0, Task.CompletedTask);
            slot.Session = new RedisClusterSession([slot.Target.Endpoint, slot.Source.Endpoint], cluster.Connection);
            var outcome = await slot.CompleteAsync(
                (_, commands) =>
                {
                    if (commands[0].ToString().StartsWith("MIGRATE ", StringComparison.Ordinal) && ++sent == 15)
                        killed = Task.Run(victim.Kill);
                    return Task.CompletedTask;
                },
                new MoveOptions { BatchSize = 50, Timeout = TimeSpan.FromSeconds(2) });
            await killed;
            Assert.False(victim.IsRunning);
            Assert.NotNull(outcome.Failure);
            Assert.Contains(outcome.Failure.Code, new[] { FailureCode.ConnectionFailed, FailureCode.NodeUnreachable });
            Assert.Contains(victim.Endpoint.ToString(), outcome.Failure.Message);

            await victim.RestartAsync();
            await cluster.Cluster.WaitUntilAgreedAsync();
            await slot.CompletedAsync();
            using var client = cluster.Client();
            foreach (var key in keys)
                Assert.Equal(LabWedge.ValueOf(key), (await client.AskAsync(key, RespCommand.Of("GET", key))).Text);
            Assert.Equal(keys.Count, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
        }
    }

    // Two of our own commands lead here: an undo that gives up a dead target, and a migration to another one.
    [Fact]
    public async Task A_dead_third_master_of_a_Valkey_is_waited_for_because_it_may_import_the_slot_too()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60), ConfigLines = ["cluster-require-full-coverage no"], AppendOnly = true });
        var slot = await FilledAsync(cluster, 1);
        var dead = cluster.Node(1);
        await dead.SendAsync("CLUSTER", "SETSLOT", 1, "IMPORTING", slot.Source.Id);
        dead.Kill();
        using (var core = new RedisCluster(slot.Session))
        {
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => core.PlanCompletionAsync(1, null, null, new MoveOptions(), default));
            Assert.Equal((FailureCode.NodeUnreachable, dead.Endpoint.ToString()), (refusal.Code, refusal.Subject));
            Assert.Equal(FailureCode.NodeUnreachable, Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [1] }, new MoveOptions(), default)).Refusal?.Code);
        }

        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        using (var core = new RedisCluster(slot.Session))
        {
            var repaired = await core.CarryOutAsync(Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [1] }, new MoveOptions(), default)), default);
            Assert.Equal(MigrationOutcome.Repaired, repaired.Result.Outcome);
        }

        await Task.Delay(TimeSpan.FromSeconds(2));
        await slot.AssertClosedAsync();
        Assert.Equal(10, await TestCluster.CountKeysAsync(slot.Target, 1));
    }

    [Fact]
    public async Task With_a_third_master_dead_it_completes_and_says_who_does_not_know_yet()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(2), ConfigLines = ["cluster-require-full-coverage no"], AppendOnly = true });
        var (early, late) = (await FilledAsync(cluster, 1), await FilledAsync(cluster, 2));
        var dead = cluster.Node(1);
        dead.Kill();

        // Nobody but we has noticed.
        var result = await early.CompletedAsync();
        Assert.Contains(dead.Endpoint + " does not answer; it will learn the new owner when it is back", result.Reason);

        // Now the others have given it up.
        await UntilAsync(async () => ((await TestCluster.ViewOfAsync(cluster.Node(0))).Single(line => line.Id == dead.Id).Flags & NodeFlags.Fail) != 0);
        result = await late.CompletedAsync();
        Assert.Contains(dead.Endpoint + " does not answer", result.Reason);

        // It had not heard of anything, and it does learn.
        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        await early.AssertClosedAsync();
        await late.AssertClosedAsync();
        Assert.Equal(20, await TestCluster.CountKeysAsync(early.Target, 1) + await TestCluster.CountKeysAsync(late.Target, 2));
    }

    [Fact]
    public async Task A_cluster_that_is_down_for_a_dead_master_keeps_the_slot_open_and_says_why()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(2), AppendOnly = true });
        var slot = await FilledAsync(cluster, 1);
        var dead = cluster.Node(1);
        dead.Kill();
        await UntilAsync(async () => (await cluster.Node(0).SendAsync("CLUSTER", "INFO")).Text.Contains("cluster_state:fail"));

        using (var core = new RedisCluster(slot.Session) { NextActionText = NextActionText.Of })
            Assert.Contains((await core.PlanCompletionAsync(1, null, null, new MoveOptions(), default)).Findings, finding => finding is { Code: PlanFindingCode.ClusterDown, Advice: "Test-RedisCluster" });
        var clock = Stopwatch.StartNew();
        var failure = await slot.FailsAsync(FailureCode.ServerError, new MoveOptions { Timeout = TimeSpan.FromSeconds(1) });
        Assert.Contains("CLUSTERDOWN", failure.Message);
        Assert.Equal("Test-RedisCluster", failure.NextStep());
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Equal(10, await slot.KeysOnSourceAsync());

        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Equal(10, (await slot.CompletedAsync()).KeysMoved);
    }

    [Fact]
    public async Task A_frozen_replica_of_a_Valkey_delays_the_end_and_never_falsifies_it()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, masters: 3, replicas: 3, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        // A target with slots of its own. The replica of a master without any hears of the first one before its master has taken it, may be told next that the
        // source claims that slot, and then goes over to the source.
        var (waiting, failing) = (await FilledAsync(cluster, 1, cluster.Masters[1]), await FilledAsync(cluster, 2, cluster.Masters[1]));
        var replica = cluster.Replicas[1];
        // A frozen replica would hold up each reading of the cluster, too.
        foreach (var slot in new[] { waiting, failing })
            slot.Session = new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection with { ConnectTimeout = TimeSpan.FromMilliseconds(500) });

        replica.Stop();
        var thaw = Task.Delay(TimeSpan.FromSeconds(4)).ContinueWith(_ => replica.Continue(), TaskScheduler.Default);
        var outcome = await waiting.CompleteAsync();
        await thaw;
        Assert.Null(outcome.Failure);
        await waiting.AssertClosedAsync();

        // Nobody waits for a replica that is only just coming back.
        await UntilAsync(async () => (await waiting.Target.SendAsync("INFO", "replication")).Text.Contains("state=online"));
        replica.Stop();
        var failure = (await failing.CompleteAsync()).Failure;
        replica.Continue();
        Assert.NotNull(failure);
        Assert.Contains("NOREPLICAS", failure.Message);
        await failing.CompletedAsync();
        Assert.Equal(20, await TestCluster.CountKeysAsync(waiting.Target, 1) + await TestCluster.CountKeysAsync(failing.Target, 2));
    }

    private static async Task<MovingSlot> FilledAsync(TestCluster cluster, int number, LocalNode? target = null)
    {
        var slot = new MovingSlot(cluster, number, target: target);
        for (var i = 0; i < 10; i++)
            await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
        await slot.OpenAsync();
        return slot;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, "It never came to it.");
            await Task.Delay(50);
        }
    }
}
