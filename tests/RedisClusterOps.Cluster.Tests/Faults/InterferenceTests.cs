using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Another tool changes the same slot just before one of our sends. Each send is tested.</summary>
public sealed class InterferenceTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    private const int Keys = 8;
    private const int AtOnce = 8;

    // All sends take minutes: RCO_TEST_EVERY_SEND=1 tests them. By default every fourth is tested, with a random offset.
    private static readonly int Stride = Environment.GetEnvironmentVariable("RCO_TEST_EVERY_SEND") == "1" ? 1 : 4;

    private static readonly Dictionary<string, Func<MovingSlot, Task>> Interferences = new()
    {
        ["the source is set to STABLE"] = slot => slot.Source.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE"),
        ["the target is set to STABLE"] = slot => slot.Target.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE"),
        ["both are set to STABLE"] = async slot =>
        {
            await slot.Source.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
            await slot.Target.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
        },
        ["the source migrates to another master"] = slot => slot.Source.AskAsync(
            "CLUSTER", "SETSLOT", slot.Slot, "MIGRATING", slot.Cluster.Node(2).Id),
        ["the target imports from another master"] = slot => slot.Target.AskAsync(
            "CLUSTER", "SETSLOT", slot.Slot, "IMPORTING", slot.Cluster.Node(2).Id),
        ["the source hands the slot over itself"] = slot => slot.Source.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "NODE", slot.Target.Id),
        ["another run completes the slot"] = async slot =>
        {
            using var redis = new RedisCluster(slot.Session);
            // Near the end it may have nothing left to do.
            if ((await redis.GetOpenSlotsAsync([slot.Slot], default)).Count > 0)
                Assert.Null((await slot.CompleteAsync()).Failure);
        },
        ["the flag of the source is cleared and set again"] = async slot =>
        {
            await slot.Source.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
            await slot.Source.AskAsync("CLUSTER", "SETSLOT", slot.Slot, "MIGRATING", slot.Target.Id);
        },
    };

    public static TheoryData<string, string> All
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var server in Servers.RedisAndValkey)
            {
                // In the short proof each kind has one server.
                var index = 0;
                foreach (var name in Interferences.Keys)
                {
                    if (Servers.IsTaken(server.Data, index++))
                        all.Add(server.Data, name);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task No_key_is_lost_and_no_false_success_is_reported(string server, string interference)
    {
        var sends = await CountSendsAsync(server);
        using var places = new SemaphoreSlim(AtOnce);
        var offset = TestSeed.NewRandom().Next(Stride);
        var trials = Enumerable.Range(0, sends).Where(i => i % Stride == offset).Select(async at =>
        {
            await places.WaitAsync();
            try
            {
                await TryAsync(server, interference, at);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException("Before send " + at + " of " + sends + ": " + e.Message, e);
            }
            finally
            {
                places.Release();
            }
        }).ToList();
        Assert.True(trials.Count > 3);
        await Task.WhenAll(trials);
    }

    private async Task TryAsync(string server, string interference, int at)
    {
        var slot = await OpenedAsync(server);
        // On Redis 8.6 STABLE deletes the imported keys of an importer at once. The interference causes that loss, and it cannot be undone.
        var trims = server == Servers.Redis86 && interference is "the target is set to STABLE" or "both are set to STABLE";
        var trimmed = new List<string>();
        var sent = 0;
        var (plan, outcome) = (Task.CompletedTask, (SlotOutcome?)null);
        outcome = await slot.CompleteAsync(
            async (_, _) =>
            {
                if (Interlocked.Increment(ref sent) != at + 1)
                    return;
                if (trims)
                    trimmed.AddRange(await NamesAsync(slot.Target, slot.Slot));
                await Interferences[interference](slot);
            },
            new MoveOptions { BatchSize = 3 });

        if (outcome.Failure is null)
        {
            Assert.Equal(MigrationOutcome.Completed, outcome.Result.Outcome);
            await slot.AssertClosedAsync();
        }
        else
        {
            Assert.DoesNotContain(outcome.Failure.Message, char.IsControl);
        }

        var there = (await NamesAsync(slot.Source, slot.Slot)).Concat(await NamesAsync(slot.Target, slot.Slot)).ToList();
        var expected = Enumerable.Range(0, Keys).Select(i => Encoding.ASCII.GetString(slot.Key("k" + i))).Except(trimmed)
            .Order(StringComparer.Ordinal).ToList();
        Assert.Equal(expected, there.Except(trimmed).Distinct().Order(StringComparer.Ordinal));
        if (outcome.Failure is not null)
        {
            await ReopenAsync(slot);
            await slot.CompletedAsync();
        }

        foreach (var name in expected)
            Assert.Equal("v", (await slot.Target.SendAsync("GET", name)).Text);
    }

    private async Task<int> CountSendsAsync(string server)
    {
        var slot = await OpenedAsync(server);
        var sends = 0;
        var options = new MoveOptions { BatchSize = 3 };
        Assert.Null((await slot.CompleteAsync((_, _) => Task.FromResult(Interlocked.Increment(ref sends)), options)).Failure);
        return sends;
    }

    private async Task<MovingSlot> OpenedAsync(string server)
    {
        var slot = await clusters.SlotAsync(server);
        for (var i = 0; i < Keys; i++)
            await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
        await slot.OpenAsync();
        var target = slot.Target.Endpoint;
        await slot.OnSourceAsync("MIGRATE", target.Host, target.Port, "", 0, 5000, "KEYS", slot.Key("k0"), slot.Key("k1"));
        return slot;
    }

    // Opens the slot as an operator would. There were no writes, so keys on both nodes are equal.
    private static async Task ReopenAsync(MovingSlot slot)
    {
        if (!(await TestCluster.OwnLineOfAsync(slot.Source)).Slots.Contains(slot.Slot))
            return;
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "IMPORTING", slot.Source.Id);
        await slot.Source.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "MIGRATING", slot.Target.Id);
    }

    private static async Task<IEnumerable<string>> NamesAsync(LocalNode node, int slot) =>
        (await node.SendAsync("CLUSTER", "GETKEYSINSLOT", slot, 100)).Items.Select(item => item.Text);
}
