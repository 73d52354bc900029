using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>
/// The config epoch decides who owns a slot that two masters claim, and the loser deletes its keys. A target raises its own above
/// all that it has heard of; of a source that has raised its own a moment ago (as redis-cli --cluster fix does) it has not heard.
/// </summary>
public sealed class EpochTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_source_that_raised_its_epoch_unheard_does_not_take_the_slot_back(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, with: options => options with { NodeTimeout = System.TimeSpan.FromSeconds(15) });
        for (var number = 1; number <= 2; number++)
        {
            var slot = new MovingSlot(cluster, number);
            for (var i = 0; i < 20; i++)
                await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
            await slot.OpenAsync();
            // The target has the highest epoch that it knows of, so it sees no need to raise it. The source's is higher.
            await slot.Target.SendAsync("CLUSTER", "BUMPEPOCH");
            await RaiseAsync(slot.Source, above: slot.Target);

            // On loopback we are mostly faster than the nodes are among themselves. Over a network that stalls for a moment we are not.
            var given = false;
            var outcome = await slot.CompleteAsync(async (_, commands) =>
            {
                await Task.Delay(given ? 1500 : 0);
                given = !given && IsTakeOver(commands, slot);
            });

            // Long enough for a claim that loses to have lost.
            await Task.Delay(500);
            var left = await TestCluster.CountKeysAsync(slot.Source, number) + await TestCluster.CountKeysAsync(slot.Target, number);
            Assert.True(left == 20, left + " of 20 keys are left. " + outcome.Result.Outcome + " " + outcome.Result.Reason);
            Assert.Null(outcome.Failure);
            await slot.AssertClosedAsync();
            using var client = cluster.Client();
            for (var i = 0; i < 20; i++)
                Assert.Equal("v", (await client.AskAsync(slot.Key("k" + i), RespCommand.Of("GET", slot.Key("k" + i)))).Text);
        }
    }

    private static bool IsTakeOver(IReadOnlyList<RespCommand> commands, MovingSlot slot) =>
        commands[0].ToString() == "CLUSTER SETSLOT " + slot.Slot + " NODE " + slot.Target.Id;

    // A node raises its epoch above those that it has heard of, so it has to have heard of the other's; the other does not hear of its own so soon.
    private static async Task RaiseAsync(LocalNode node, LocalNode above)
    {
        var epoch = (await TestCluster.OwnLineOfAsync(above)).ConfigEpoch;
        while ((await TestCluster.ViewOfAsync(node)).Single(line => line.Id == above.Id).ConfigEpoch < epoch)
            await Task.Delay(5);
        await node.SendAsync("CLUSTER", "BUMPEPOCH");
    }
}
