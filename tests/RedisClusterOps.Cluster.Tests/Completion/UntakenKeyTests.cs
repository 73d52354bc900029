using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Garnet answers OK to a MIGRATE of a key whose name is longer than a kilobyte, and leaves it where it is.</summary>
[Collection(nameof(SharedClusters))]
public sealed class UntakenKeyTests(SharedClusters clusters)
{
    [Fact]
    public async Task An_ok_is_not_believed_of_a_key_that_is_still_there()
    {
        var scene = await clusters.SceneAsync(Servers.Garnet);
        await scene.WriteAsync(20);
        var name = Encoding.UTF8.GetBytes("{" + scene.KeyName(0) + "}" + new string('x', 2000));
        await scene.Source.SendAsync("SET", name, "long");
        await scene.OpenAsync();

        var outcome = await scene.CompleteAsync();

        Assert.Equal(MigrationOutcome.Failed, outcome.Result.Outcome);
        Assert.Contains("but the source still has it", outcome.Failure!.Message);
        // Nothing was given away, and everything can be read.
        Assert.Equal(RedisOpenSlotState.Migrating, (await scene.ShownAsync())!.State);
        await scene.AssertKeysAsync();
        using var client = scene.Cluster.Client();
        Assert.Equal("long", (await client.AskAsync(name, RespCommand.Of("GET", name))).Text);

        // Without that key it goes through.
        await scene.Source.SendAsync("DEL", name);
        await scene.CompleteSurelyAsync();
        await scene.AssertClosedAsync();
    }
}
