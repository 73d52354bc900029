using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// The number of keys in a MIGRATE. This collection runs alone, because other tests keep the processors busy, which slows down MIGRATE
/// and makes batches small.
/// </summary>
[Collection(nameof(BatchSizeTests))]
[CollectionDefinition(nameof(BatchSizeTests), DisableParallelization = true)]
public sealed class BatchSizeTests(ITestOutputHelper output)
{
    /// <summary>
    /// A MIGRATE blocks both nodes. Batches are small while clients are connected, so that they notice no delay, and large otherwise.
    /// </summary>
    [Fact]
    public async Task Batches_are_small_with_clients_and_large_without()
    {
        // The first batches are small, until it is known that there are no clients. So there have to be many keys.
        const int Keys = 200_000;
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70, masters: 2, with: lab => lab with { ConfigLines = ["cluster-allow-replica-migration no"] });
        var (there, back) = (cluster.Node(0), cluster.Node(1));
        var slot = HashSlot.Of("{7}"u8.ToArray());
        await SlotScene.PipelineAsync(there, Enumerable.Range(0, Keys).Select(i => RespCommand.Of("SET", "{7}" + i, "value")));

        var withoutClients = await KeysInMigrateAsync(cluster, slot, there, back);
        using var stop = new CancellationTokenSource();
        var client = ReadAsync(there, stop.Token);
        var withClient = await KeysInMigrateAsync(cluster, slot, back, there);
        await stop.CancelAsync();
        await client;

        output.WriteLine("{0:0} keys in a MIGRATE without clients, {1:0} with a client", withoutClients, withClient);
        Assert.InRange(withClient, 1, withoutClients / 3);
        Assert.Equal(Keys, (await there.SendAsync("DBSIZE")).Integer);
    }

    private static MoveOptions Options => new() { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };

    /// <summary>Moves the whole slot.</summary>
    /// <returns>The average number of keys in a MIGRATE.</returns>
    private static async Task<double> KeysInMigrateAsync(TestCluster cluster, int slot, LocalNode source, LocalNode target)
    {
        using var core = new RedisCluster(new RedisClusterSession([source.Endpoint], cluster.Connection));
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [slot], Target = target.Id }, Options, default);
        var outcome = Assert.Single(await MoveRuns.CarryOutAsync(core, plan, Options));
        Assert.True(outcome.Failure is null, outcome.Failure?.Message);
        var line = (await source.SendAsync("INFO", "commandstats")).Text.Split('\n')
            .Single(line => line.StartsWith("cmdstat_migrate:calls="));
        return (double)outcome.Result.KeysMoved / long.Parse(
            line["cmdstat_migrate:calls=".Length..].Split(',')[0], CultureInfo.InvariantCulture);
    }

    private static async Task ReadAsync(LocalNode node, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await node.SendAsync("GET", "any key");
            await Task.Delay(1, CancellationToken.None);
        }
    }
}
