using System;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Nodes die or freeze while a slot is completed.</summary>
public sealed class NodeFailureTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_node_that_dies_during_the_run_and_is_restarted_loses_no_key(string server)
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

            // The node is killed right after a MIGRATE was sent, during the transfer.
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

    // An undo that abandons a dead target, followed by a migration to another one, leads to this state.
    [Fact]
    public async Task On_Valkey_a_dead_third_master_blocks_completion_because_it_may_import_the_slot()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91,
            with: options => options with
            {
                NodeTimeout = TimeSpan.FromSeconds(60),
                ConfigLines = ["cluster-require-full-coverage no"],
                AppendOnly = true,
            });
        var slot = await FilledAsync(cluster, 1);
        var dead = cluster.Node(1);
        await dead.SendAsync("CLUSTER", "SETSLOT", 1, "IMPORTING", slot.Source.Id);
        dead.Kill();
        using (var core = new RedisCluster(slot.Session))
        {
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(
                () => core.PlanCompletionAsync(1, null, null, new MoveOptions(), default));
            Assert.Equal((FailureCode.NodeUnreachable, dead.Endpoint.ToString()), (refusal.Code, refusal.Subject));
            var repair = await core.PlanRepairAsync(new RepairOptions { Slots = [1] }, new MoveOptions(), default);
            Assert.Equal(FailureCode.NodeUnreachable, Assert.Single(repair).Refusal?.Code);
        }

        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        using (var core = new RedisCluster(slot.Session))
        {
            var repair = await core.PlanRepairAsync(new RepairOptions { Slots = [1] }, new MoveOptions(), default);
            var repaired = await core.CarryOutAsync(Assert.Single(repair), default);
            Assert.Equal(MigrationOutcome.Repaired, repaired.Result.Outcome);
        }

        await Task.Delay(TimeSpan.FromSeconds(2));
        await slot.AssertClosedAsync();
        Assert.Equal(10, await TestCluster.CountKeysAsync(slot.Target, 1));
    }

    [Fact]
    public async Task With_a_dead_third_master_the_slot_is_completed_and_the_result_names_that_master()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70,
            with: options => options with
            {
                NodeTimeout = TimeSpan.FromSeconds(2),
                ConfigLines = ["cluster-require-full-coverage no"],
                AppendOnly = true,
            });
        var (early, late) = (await FilledAsync(cluster, 1), await FilledAsync(cluster, 2));
        var dead = cluster.Node(1);
        dead.Kill();

        // No other node has noticed yet.
        var result = await early.CompletedAsync();
        Assert.Contains(dead.Endpoint + " does not answer; it will learn the new owner when it is back", result.Reason);

        // Now the other nodes have flagged it as failed.
        await UntilAsync(
            async () => ((await TestCluster.ViewOfAsync(cluster.Node(0))).Single(line => line.Id == dead.Id).Flags & NodeFlags.Fail) != 0);
        result = await late.CompletedAsync();
        Assert.Contains(dead.Endpoint + " does not answer", result.Reason);

        // The restarted node does not know the new owners yet and learns of them.
        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        await early.AssertClosedAsync();
        await late.AssertClosedAsync();
        Assert.Equal(20, await TestCluster.CountKeysAsync(early.Target, 1) + await TestCluster.CountKeysAsync(late.Target, 2));
    }

    [Fact]
    public async Task A_cluster_that_is_down_keeps_the_slot_open_and_the_error_gives_the_reason()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(2), AppendOnly = true });
        var slot = await FilledAsync(cluster, 1);
        var dead = cluster.Node(1);
        dead.Kill();
        await UntilAsync(async () => (await cluster.Node(0).SendAsync("CLUSTER", "INFO")).Text.Contains("cluster_state:fail"));

        using (var core = new RedisCluster(slot.Session) { NextActionText = NextActionText.Of })
        {
            var plan = await core.PlanCompletionAsync(1, null, null, new MoveOptions(), default);
            var down = Assert.Single(plan.Findings, finding => finding.Code == PlanFindingCode.ClusterDown);
            Assert.Contains("(CLUSTERDOWN): " + dead.Endpoint + " has failed. ", down.Message);
            Assert.Equal("Get-RedisClusterHealth", down.Advice);
        }

        var clock = Stopwatch.StartNew();
        var failure = await slot.FailsAsync(FailureCode.ServerError, new MoveOptions { Timeout = TimeSpan.FromSeconds(1) });
        Assert.Contains("CLUSTERDOWN The cluster is down: " + dead.Endpoint + " has failed. ", failure.Message);
        Assert.Equal("Get-RedisClusterHealth", failure.NextStep());
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Equal(10, await slot.KeysOnSourceAsync());

        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Equal(10, (await slot.CompletedAsync()).KeysMoved);
    }

    [Fact]
    public async Task On_Valkey_a_frozen_replica_delays_the_handover_but_does_not_corrupt_it()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, masters: 3, replicas: 3, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        // The target has slots. Otherwise its replica could learn of the first slot before its master has taken it over, then that the
        // source claims the slot, and would become a replica of the source.
        var (waiting, failing) = (await FilledAsync(cluster, 1, cluster.Masters[1]), await FilledAsync(cluster, 2, cluster.Masters[1]));
        var replica = cluster.Replicas[1];
        // A frozen replica would also delay each read of the cluster.
        foreach (var slot in new[] { waiting, failing })
            slot.Session = new RedisClusterSession(
                [cluster.Node(0).Endpoint], cluster.Connection with { ConnectTimeout = TimeSpan.FromMilliseconds(500) });

        replica.Stop();
        var thaw = Task.Delay(TimeSpan.FromSeconds(4)).ContinueWith(_ => replica.Continue(), TaskScheduler.Default);
        var outcome = await waiting.CompleteAsync();
        await thaw;
        Assert.Null(outcome.Failure);
        await waiting.AssertClosedAsync();

        // The target does not wait for a replica that is still reconnecting.
        await UntilAsync(async () => (await waiting.Target.SendAsync("INFO", "replication")).Text.Contains("state=online"));
        replica.Stop();
        var failure = (await failing.CompleteAsync()).Failure;
        replica.Continue();
        Assert.NotNull(failure);
        Assert.Contains("the replicas of " + failing.Target.Endpoint + " did not acknowledge", failure.Message);
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
            Assert.True(DateTime.UtcNow < until, "The expected state was not reached within 30 seconds.");
            await Task.Delay(50);
        }
    }
}
