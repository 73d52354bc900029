using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>The pipeline ends after a run has started and before the cmdlet has its handle: the run is stopped, waited for and reported all the same.</summary>
public sealed class AbandonedRunTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const int Slots = 300;

    [Fact]
    public async Task A_pipeline_that_ends_while_the_run_starts_winds_the_run_down()
    {
        await using var cluster = await FilledCluster.StartAsync("redis-7.0", keys: 20_000, masters: 3);
        var journal = Directory.CreateTempSubdirectory("redisclusterops-abandoned-").FullName;
        try
        {
            // At this rate the run takes many seconds: one that is through before the pipeline ends leaves nothing to report.
            // Debug messages go down the pipeline. The first one after the journal has a run is written while the cmdlet waits for the start.
            var run = await shell.RunAsync(
                "$DebugPreference = 'Continue'; Move-RedisSlot -Cluster " + CmdletShell.Quoted(cluster.Session.ToString()) + " -Slot (0..299) -Target " + cluster.Nodes[1].Endpoint + " -Method KeyByKey -MaxKeysPerSecond 20 -JournalPath "
                + CmdletShell.Quoted(journal) + " -Confirm:$false 5>&1 | Where-Object { Test-Path " + CmdletShell.Quoted(Path.Combine(journal, "runs", "*.jsonl")) + " } | Select-Object -First 1 | ForEach-Object { $_.GetType().Name }");
            Assert.Equal(["DebugRecord"], run.Lines);
            var told = Assert.Single(RedisCluster.GetMigrations(journal, null));
            Assert.Equal((Slots, false), (told.SlotCount, told.IsRunning));
            Assert.Contains("Resume-RedisMigration -Id " + told.Id, run.Screen + string.Join('\n', run.Warnings));
            await cluster.AssertKeysAsync();
        }
        finally
        {
            Directory.Delete(journal, recursive: true);
        }
    }
}
