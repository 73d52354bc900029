using System;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Shell;

/// <summary>Ctrl+C in a real PowerShell ends a cmdlet within seconds, in a named state, and shows the command that resumes it.</summary>
public sealed class InterruptionTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const int Keys = 100_000;
    private const int Big = 100;
    private const int Small = 101;

    [Fact]
    public async Task A_cmdlet_that_is_interrupted_among_100_000_keys_ends_soon_and_its_next_command_moves_the_rest()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70);
        var (source, target) = (cluster.Node(0), cluster.Node(3));
        await cluster.Wedge().WedgeAsync(target.Endpoint, Big, Keys, 0);
        await cluster.Wedge().WedgeAsync(target.Endpoint, Small, 6, 1);
        // Slow enough that the interruption falls into the run on any machine.
        using var first = await CmdletShell.StartAsync(
            $"{Big}, {Small} | Complete-RedisSlotMigration -MaxKeysPerSecond 40000 -Cluster {source.Endpoint}");
        while (await TestCluster.CountKeysAsync(target, Big) < Keys / 10)
            await Task.Delay(20);

        var clock = Stopwatch.StartNew();
        first.Interrupt();
        var end = await first.EndAsync();
        await AssertFastAsync(clock.Elapsed);

        Assert.NotEqual(0, end.ExitCode);
        var warning = Assert.Single((end.Output + end.Errors).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("WARNING: Stopped on request. Of 2 slots 0 are done", warning);
        Assert.InRange(await TestCluster.CountKeysAsync(source, Big), 1, Keys * 9 / 10);
        Assert.Equal(target.Id, (await TestCluster.OwnLineOfAsync(source)).MigratingTo[Big]);
        Assert.Equal((5, 1), (await TestCluster.CountKeysAsync(source, Small), await TestCluster.CountKeysAsync(target, Small)));

        var next = warning.Split(" Next: ")[1];
        Assert.StartsWith("Resume-RedisMigration -Id ", next);
        var rest = await shell.RunAsync(
            source.Endpoint,
            cluster.Connection,
            $"({next}).Outcome | Select-Object -Unique; @(Get-RedisOpenSlot).Count");
        Assert.Equal(["Completed", "0"], rest.AssertClean().Output.Select(line => line.ToString()));
        Assert.Equal(0, await TestCluster.CountKeysAsync(source, Big));
        Assert.Equal(Keys, await RightValuesAsync(target, Big, Keys));
        Assert.Equal(6, await RightValuesAsync(target, Small, 6));
    }

    // Two seconds, plus the start-up time of an idle PowerShell as a measure of the load.
    private static async Task AssertFastAsync(TimeSpan took)
    {
        var clock = Stopwatch.StartNew();
        using (var idle = await CmdletShell.StartAsync("exit 0"))
            Assert.Equal(new ProcessEnd(0, string.Empty, string.Empty), await idle.EndAsync());
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(2) + (2 * clock.Elapsed));
    }

    // Reads the target directly in pipelined batches, because an application's client takes too long.
    private static async Task<int> RightValuesAsync(LocalNode target, int slot, int keys)
    {
        using var connection = await target.ConnectAsync();
        var right = 0;
        foreach (var part in LabWedge.KeysOf(slot, keys).Chunk(5000))
        {
            var replies = await connection.SendAsync([.. part.Select(key => RespCommand.Of("GET", key))], null, default);
            right += part.Zip(replies).Count(pair => pair.Second.Text == LabWedge.ValueOf(pair.First));
        }

        return right;
    }
}
