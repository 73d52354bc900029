using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// The pipeline ends after a run has started but before the cmdlet has its handle. The run is still stopped, awaited and reported.
/// </summary>
public sealed class AbandonedRunTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const int Slots = 300;

    [Fact]
    public async Task A_run_is_stopped_when_the_pipeline_ends_during_its_start()
    {
        await using var cluster = await FilledCluster.StartAsync("redis-7.0", keys: 20_000, masters: 3);
        var journal = Directory.CreateTempSubdirectory("redisclusterops-abandoned-").FullName;
        try
        {
            // At this rate the run takes many seconds. A run that finishes before the pipeline ends has nothing to report.
            // Debug messages are written to the pipeline. The first one after the journal has the run's plan is written while the cmdlet
            // waits for the start. A search of the journal for each of the thousands of counts would take minutes.
            var files = CmdletShell.Quoted(Path.Combine(journal, "runs", "*.jsonl"));
            var run = await shell.RunAsync(
                "$DebugPreference = 'Continue'; Move-RedisSlot -Cluster " + CmdletShell.Quoted(cluster.Session.ToString())
                + " -Slot (0..299) -Target " + cluster.Nodes[1].Endpoint + " -Method KeyByKey -MaxKeysPerSecond 20 -JournalPath "
                + CmdletShell.Quoted(journal) + " -Confirm:$false 5>&1"
                + " | Where-Object { $_.Message -notmatch 'COUNTKEYSINSLOT' -and (Select-String -Path " + files
                + " -SimpleMatch '\"planned\"' -Quiet -ErrorAction Ignore) } | Select-Object -First 1"
                + " | ForEach-Object { $_.GetType().Name }");
            Assert.Equal(["DebugRecord"], run.Lines);
            var recorded = Assert.Single(RedisCluster.GetMigrations(journal, null));
            Assert.Equal((Slots, false), (recorded.SlotCount, recorded.IsRunning));
            Assert.Contains("Resume-RedisMigration -Id " + recorded.Id, run.Screen + string.Join('\n', run.Warnings));
            await cluster.AssertKeysAsync();
        }
        finally
        {
            Directory.Delete(journal, recursive: true);
        }
    }
}
