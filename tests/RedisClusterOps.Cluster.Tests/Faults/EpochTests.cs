using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>
/// If two masters claim a slot, the higher config epoch wins and the loser deletes its keys. A target raises its epoch above all that it
/// knows. It does not know the epoch that a source has raised a moment ago, as redis-cli --cluster fix does.
/// </summary>
public sealed class EpochTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_source_with_an_epoch_unknown_to_the_target_does_not_take_the_slot_back(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, with: options => options with { NodeTimeout = System.TimeSpan.FromSeconds(15) });
        for (var number = 1; number <= 2; number++)
        {
            var slot = new MovingSlot(cluster, number);
            for (var i = 0; i < 20; i++)
                await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
            await slot.OpenAsync();
            // The target has the highest epoch that it knows, so it does not raise it. The epoch of the source is higher.
            await slot.Target.SendAsync("CLUSTER", "BUMPEPOCH");
            await RaiseAsync(slot.Source, above: slot.Target);

            // On loopback the next command is usually faster than gossip. A delay simulates a network that stalls for a moment.
            var isAssigned = false;
            var outcome = await slot.CompleteAsync(async (_, commands) =>
            {
                await Task.Delay(isAssigned ? 1500 : 0);
                isAssigned = !isAssigned && IsAssignment(commands, slot);
            });

            // Long enough for the losing claim to be withdrawn.
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

    private static bool IsAssignment(IReadOnlyList<RespCommand> commands, MovingSlot slot) =>
        commands[0].ToString().StartsWith("CLUSTER SETSLOT " + slot.Slot + " NODE " + slot.Target.Id, StringComparison.Ordinal);

    // BUMPEPOCH raises the epoch above those that the node knows, so it has to know the other one first. The other node does not learn of
    // it so soon.
    private static async Task RaiseAsync(LocalNode node, LocalNode above)
    {
        var epoch = (await TestCluster.OwnLineOfAsync(above)).ConfigEpoch;
        while ((await TestCluster.ViewOfAsync(node)).Single(line => line.Id == above.Id).ConfigEpoch < epoch)
            await Task.Delay(5);
        await node.SendAsync("CLUSTER", "BUMPEPOCH");
    }
}
