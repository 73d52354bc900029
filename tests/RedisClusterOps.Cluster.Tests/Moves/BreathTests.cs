using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>How many keys go with a MIGRATE. Beside other tests it would be few: whatever keeps the processors busy makes a MIGRATE take longer.</summary>
[Collection(nameof(BreathTests))]
[CollectionDefinition(nameof(BreathTests), DisableParallelization = true)]
public sealed class BreathTests(ITestOutputHelper output)
{
    /// <summary>A MIGRATE keeps both its nodes from serving anybody: with clients there it is over before they notice, and else it takes what it may.</summary>
    [Fact]
    public async Task Few_keys_go_at_a_time_while_clients_are_there_and_many_while_nobody_is()
    {
        // The first of them go before it is known that nobody is there: few at a time, so all of them have to be many.
        const int Keys = 200_000;
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 2, with: lab => lab with { ConfigLines = ["cluster-allow-replica-migration no"] });
        var (there, back) = (cluster.Node(0), cluster.Node(1));
        var slot = HashSlot.Of("{7}"u8.ToArray());
        await SlotScene.PipelineAsync(there, Enumerable.Range(0, Keys).Select(i => RespCommand.Of("SET", "{7}" + i, "value")));

        var alone = await KeysInMigrateAsync(cluster, slot, there, back);
        using var stop = new CancellationTokenSource();
        var client = UseAsync(there, stop.Token);
        var amongClients = await KeysInMigrateAsync(cluster, slot, back, there);
        await stop.CancelAsync();
        await client;

        output.WriteLine("{0:0} keys in a MIGRATE while nobody is there, {1:0} with a client", alone, amongClients);
        Assert.InRange(amongClients, 1, alone / 3);
        Assert.Equal(Keys, (await there.SendAsync("DBSIZE")).Integer);
    }

    private static MoveOptions Options => new() { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };

    /// <summary>Moves the slot whole.</summary>
    /// <returns>How many keys went with a MIGRATE on average.</returns>
    private static async Task<double> KeysInMigrateAsync(TestCluster cluster, int slot, LocalNode source, LocalNode target)
    {
        using var core = new RedisCluster(new RedisClusterSession([source.Endpoint], cluster.Connection));
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [slot], Target = target.Id }, Options, default);
        var outcome = Assert.Single(await MoveRuns.CarryOutAsync(core, plan, Options));
        Assert.True(outcome.Failure is null, outcome.Failure?.Message);
        var line = (await source.SendAsync("INFO", "commandstats")).Text.Split('\n').Single(line => line.StartsWith("cmdstat_migrate:calls="));
        return (double)outcome.Result.KeysMoved / long.Parse(line["cmdstat_migrate:calls=".Length..].Split(',')[0], CultureInfo.InvariantCulture);
    }

    private static async Task UseAsync(LocalNode node, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await node.SendAsync("GET", "somebody");
            await Task.Delay(1, CancellationToken.None);
        }
    }
}
