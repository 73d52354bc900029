using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Shell;

/// <summary>Checks -WhatIf with the servers' own command counts, and runs the advice for open slots unchanged.</summary>
public sealed class RehearsalTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const int Stuck = 100;
    private const int HalfOpen = 101;
    private const int Interrupted = 102;

    [Fact]
    public async Task With_WhatIf_no_cmdlet_writes_and_the_advice_then_closes_every_slot()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70);
        var (source, target) = (cluster.Node(0), cluster.Node(3));
        foreach (var (slot, keys) in new[] { (Stuck, 9), (HalfOpen, 9), (Interrupted, 400) })
            await cluster.Wedge().WedgeAsync(target.Endpoint, slot, keys, 4);
        await target.SendAsync("CLUSTER", "SETSLOT", HalfOpen, "STABLE");
        var journal = JournalOfTests.NewFolder();
        var running = shell.RunAsync(
            source.Endpoint,
            cluster.Connection,
            $"Complete-RedisSlotMigration {Interrupted} -MaxKeysPerSecond 20 -BatchSize 2 -JournalPath '{journal}'");
        while (await TestCluster.CountKeysAsync(target, Interrupted) < 10)
            await Task.Delay(20);
        await shell.StopAsync();
        var stopped = await running;
        Assert.Equal("Stopped", stopped.State);
        Assert.Contains("Next: Complete-RedisSlotMigration -Slot " + Interrupted, stopped.Screen);
        var before = await CommandCounts.ReadAsync(cluster.Nodes);

        foreach (var (line, shown) in new[]
        {
            ($"Complete-RedisSlotMigration {Stuck}", $"{target.Endpoint}  CLUSTER SETSLOT {Stuck} NODE {target.Id}"),
            ($"Undo-RedisSlotMigration {Stuck}", $"CLUSTER SETSLOT {Stuck} "),
            ($"Undo-RedisSlotMigration {Stuck} -Strategy PullBack", $"CLUSTER SETSLOT {Stuck} "),
            ($"Move-RedisSlotKey {Stuck}", "MIGRATE "),
            ($"Restart-RedisSlotMigration {HalfOpen}", $"{target.Endpoint}  CLUSTER SETSLOT {HalfOpen} IMPORTING {source.Id}"),
            ($"Repair-RedisCluster {HalfOpen}", $"{target.Endpoint}  CLUSTER SETSLOT {HalfOpen} IMPORTING {source.Id}"),
            ("Repair-RedisCluster", $"slot {Stuck}"),
            ($"Resume-RedisMigration -JournalPath '{journal}'", $"CLUSTER SETSLOT {Interrupted} NODE {target.Id}"),
            ($"Start-RedisSlotMigration 200 -Target {target.Endpoint}", $"CLUSTER SETSLOT 200 IMPORTING {source.Id}"),
            ($"Move-RedisSlot 200 -Target {target.Endpoint}", "slot 200"),
        })
            await RehearseAsync(cluster, line, shown);

        Assert.Empty((await CommandCounts.ReadAsync(cluster.Nodes)).WritesSince(before));
        Assert.Equal(target.Id, (await TestCluster.OwnLineOfAsync(source)).MigratingTo[Stuck]);
        Assert.Equal(5, await TestCluster.CountKeysAsync(source, Stuck));

        var healed = await shell.RunAsync(source.Endpoint, cluster.Connection, """
            Get-RedisOpenSlot | ForEach-Object { Invoke-Expression "$($_.Advice) -Confirm:`$false" } | Out-Null
            (Repair-RedisCluster -Slot 300 -Confirm:$false).Outcome
            (Get-RedisClusterHealth -Deep).Healthy
            """);
        Assert.Equal(["Skipped", "True"], healed.AssertClean().Output.Select(line => line.ToString()));
        foreach (var (slot, keys) in new[] { (Stuck, 9), (HalfOpen, 9), (Interrupted, 400) })
            Assert.True((await cluster.Wedge().ReadBackAsync(slot, keys)).IsComplete);

        // A cluster with open slots cannot be rebalanced, so this case comes last.
        before = await CommandCounts.ReadAsync(cluster.Nodes);
        var heavy = cluster.Node(1).Endpoint;
        await RehearseAsync(cluster, $"Invoke-RedisRebalance -Weight @{{ '{heavy}' = 2 }}", $"to {heavy}");
        Assert.Empty((await CommandCounts.ReadAsync(cluster.Nodes)).WritesSince(before));
    }

    private async Task RehearseAsync(TestCluster cluster, string line, string shown)
    {
        var run = await shell.RunAsync(cluster.Node(0).Endpoint, cluster.Connection, line + " -WhatIf -WarningAction SilentlyContinue");
        Assert.True(run.State == "Completed" && run.Output.Count == 0 && run.Errors.Count == 0, line + "\n" + run);
        Assert.Contains("What if: Performing the operation ", run.Screen);
        Assert.Contains(shown, run.Screen);
    }
}
