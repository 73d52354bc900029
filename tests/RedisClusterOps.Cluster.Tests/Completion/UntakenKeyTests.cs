using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Garnet replies OK to MIGRATE of a key with a name over 1 KB, but does not move it.</summary>
[Collection(nameof(SharedClusters))]
public sealed class UntakenKeyTests(SharedClusters clusters)
{
    [Fact]
    public async Task A_key_that_MIGRATE_did_not_move_is_detected_despite_the_OK()
    {
        var scene = await clusters.SceneAsync(Servers.Garnet);
        await scene.WriteAsync(20);
        var name = Encoding.UTF8.GetBytes("{" + scene.KeyName(0) + "}" + new string('x', 2000));
        await scene.Source.SendAsync("SET", name, "long");
        await scene.OpenAsync();

        var outcome = await scene.CompleteAsync();

        Assert.Equal(MigrationOutcome.Failed, outcome.Result.Outcome);
        Assert.Contains("but the source still has it", outcome.Failure!.Message);
        // The slot was not handed over, and every key can be read.
        Assert.Equal(RedisOpenSlotState.Migrating, (await scene.ShownAsync())!.State);
        await scene.AssertKeysAsync();
        using var client = scene.Cluster.Client();
        Assert.Equal("long", (await client.AskAsync(name, RespCommand.Of("GET", name))).Text);

        // Without that key, completing succeeds.
        await scene.Source.SendAsync("DEL", name);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }
}
