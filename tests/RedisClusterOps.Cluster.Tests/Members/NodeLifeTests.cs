using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Members;

/// <summary>
/// The life of a cluster by cmdlets alone: created, grown, rebalanced, failed over, shrunk, repaired after a death, and met again at other
/// addresses. An application works meanwhile, and after each step every acknowledged write is there.
/// </summary>
public sealed class NodeLifeTests(CmdletShell shell, ITestOutputHelper output) : IClassFixture<CmdletShell>
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Nodes_come_go_die_and_move_and_no_acknowledged_write_is_lost(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 8, with: options => options with
        {
            IsFormed = false,
            AppendOnly = true,
            NodeTimeout = TimeSpan.FromSeconds(2),
            // The dead master is replaced by our cmdlet, not by an election.
            ConfigLines = ["cluster-replica-no-failover yes"],
        });
        await using var application = new LiveApplication();
        var n = cluster.Nodes;
        var seed = n[2];

        async Task<CmdletRun> StepAsync(string name, string line)
        {
            var (clock, writes, errors) = (Stopwatch.StartNew(), application.Writes, application.Errors);
            var run = await shell.RunAsync($"$ConfirmPreference = 'None'; {line} -Cluster {seed.Endpoint}");
            Assert.True(run.State == "Completed" && run.Errors.Count == 0, run.ToString());
            var took = clock.Elapsed.TotalSeconds;
            if (application.IsWorking)
                await application.CheckAsync();
            output.WriteLine(
                "{0} {1}: {2:0.0} s, {3} writes, {4} errors", server, name, took, application.Writes - writes, application.Errors - errors);
            return run;
        }

        var formed = await shell.RunAsync("New-RedisCluster " + List(n.Take(6)) + " -Replica 1 -Confirm:$false");
        Assert.True(formed.Errors.Count == 0, formed.ToString());
        await application.BeginAsync(n.Take(6).Select(node => node.Endpoint));

        await StepAsync("add a master", "Add-RedisClusterNode " + n[6].Endpoint);
        await StepAsync("add its replica", $"Add-RedisClusterNode {n[7].Endpoint} -ReplicaOf {n[6].Endpoint}");
        await StepAsync("rebalance", "Invoke-RedisRebalance -UseEmptyMaster");
        Assert.InRange((await TestCluster.OwnLineOfAsync(n[6])).Slots.Count, 4000, 4200);
        await StepAsync("fail over", "Invoke-RedisClusterFailover " + n[3].Endpoint);
        Assert.Equal(n[3].Id, (await TestCluster.OwnLineOfAsync(n[0])).MasterId);

        var id = n[1].Id;
        var refused = await shell.RunAsync($"Remove-RedisClusterNode {n[1].Endpoint} -Confirm:$false -Cluster {seed.Endpoint}");
        Assert.Contains("-Drain", refused.AssertRefused("NodeNotEmpty").Action);
        await StepAsync("drain and remove", $"Remove-RedisClusterNode {n[1].Endpoint} -Drain -Reset");
        await AssertForgottenAsync(cluster, id);
        var reset = Assert.Single(await TestCluster.ViewOfAsync(n[1]));
        Assert.True(reset.Id != id && reset.Slots.Count == 0);
        Assert.NotEqual(id, (await TestCluster.OwnLineOfAsync(n[4])).MasterId);

        // A replica lacks what its master acknowledged last. So the application pauses, and what is written is replicated.
        await application.SetReadOnlyAsync(true);
        await UntilAsync(async () => await OffsetAsync(n[6], "master_repl_offset") == await OffsetAsync(n[7], "slave_repl_offset"));
        n[6].Kill();
        await UntilAsync(async () => (await TestCluster.ViewOfAsync(seed))
            .Any(line => line.Id == n[6].Id && (line.Flags & NodeFlags.Fail) != 0));
        var graceful = await shell.RunAsync($"Invoke-RedisClusterFailover {n[7].Endpoint} -Cluster {seed.Endpoint}");
        Assert.Contains("-Mode Force", graceful.AssertRefused("NodeUnsuitable").Action);
        await StepAsync("replace a dead master", $"Invoke-RedisClusterFailover {n[7].Endpoint} -Mode Force");
        await application.SetReadOnlyAsync(false);
        await StepAsync("remove it", "Remove-RedisClusterNode " + n[6].Id);
        await AssertForgottenAsync(cluster, n[6].Id);
        var again = await StepAsync("remove it again", "Remove-RedisClusterNode " + n[6].Endpoint);
        Assert.Equal("Skipped", again.Output[0].GetProperty("Outcome").GetString());
        await StepAsync("a replica for its successor", $"Set-RedisClusterReplica {n[4].Endpoint} -ReplicaOf {n[7].Endpoint}");

        // All six restart at once on other ports: no node knows where another one is.
        await application.EndAsync();
        LocalNode[] left = [n[2], n[0], n[3], n[4], n[5], n[7]];
        foreach (var node in left)
            node.Kill();
        foreach (var node in left)
            await node.RestartElsewhereAsync();
        await StepAsync("meet again", "Add-RedisClusterNode " + List(left.Skip(1)));
        // The nodes agree again, and the replicas connect to their masters.
        await UntilAsync(async () => (await shell.RunAsync($"Test-RedisCluster -Deep -Cluster {seed.Endpoint}")).Output[0].GetBoolean());
        await application.BeginAsync(left.Select(node => node.Endpoint));
    }

    private static string List(IEnumerable<LocalNode> nodes) => string.Join(',', nodes.Select(node => node.Endpoint));

    private static async Task<string> OffsetAsync(LocalNode node, string field) =>
        (await node.SendAsync("INFO", "replication")).Text.Split("\r\n").Single(line => line.StartsWith(field, StringComparison.Ordinal))
            .Split(':')[1];

    private static async Task AssertForgottenAsync(TestCluster cluster, string id)
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning && node.Id != id))
            Assert.DoesNotContain(await TestCluster.ViewOfAsync(node), line => line.Id == id);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var until = DateTime.UtcNow.AddSeconds(60); !await condition(); await Task.Delay(50))
            Assert.True(DateTime.UtcNow < until, "timed out");
    }
}
