using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

// What a test asserts about the slot and its keys.
internal sealed partial class SlotScene
{
    /// <summary>
    /// Asserts that the slot is shown in this state with its source and target, these counts, what clients see, and the next command.
    /// </summary>
    /// <param name="onSource">The keys on the source; null if it does not count them.</param>
    /// <param name="onTarget">The keys on the target; null if it does not count them.</param>
    public async Task AssertShownAsync(RedisOpenSlotState state, long? onSource, long? onTarget)
    {
        var shown = await ShownAsync();
        Assert.NotNull(shown);
        Assert.True(state == shown.State, "The slot is " + shown.State + ": " + shown.Detail);
        Assert.Equal((source.Endpoint.ToString(), source.Id), (shown.Source, shown.SourceId));
        Assert.Equal((target.Endpoint.ToString(), target.Id), (shown.Target, shown.TargetId));
        Assert.Equal((onSource, onTarget), (shown.KeysOnSource, shown.KeysOnTarget));
        Assert.NotEmpty(shown.ClientsSee);
        Assert.Equal(
            shown.MigrationId is { } run ? "Resume-RedisMigration -Id " + run : "Complete-RedisSlotMigration -Slot " + slot, shown.Advice);
    }

    /// <summary>As <see cref="AssertShownAsync(RedisOpenSlotState, long?, long?)"/>, while the source owns the slot.</summary>
    public async Task AssertOpenAsync(RedisOpenSlotState state, long onSource, long onTarget)
    {
        // A target counts the keys of the slot on Garnet only if it owns it, and on Redis 8.6 only if it imports it.
        var counts = !cluster.IsGarnet
            && (cluster.Cluster.Server.Name != Servers.Redis86
                || (await TestCluster.OwnLineOfAsync(target)).ImportingFrom.ContainsKey(slot));
        // A slot without keys has not been drained. If its target does not count them, that is unknown.
        var shown = state == RedisOpenSlotState.Drained && counts && onTarget == 0 ? RedisOpenSlotState.Migrating : state;
        await AssertShownAsync(shown, onSource, counts ? onTarget : null);
    }

    /// <summary>Asserts that completing is refused for this reason, and that no node was written to.</summary>
    /// <returns>The exception.</returns>
    public async Task<RedisOperationException> AssertRefusedAsync(FailureCode code, string reason)
    {
        var watch = await WriteWatch.StartAsync(cluster);
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => PlanAsync());
        await watch.AssertNothingWrittenAsync();
        Assert.Equal(code, refusal.Code);
        Assert.Contains(reason, refusal.Message);
        Assert.False(string.IsNullOrWhiteSpace(refusal.NextStep()));
        return refusal;
    }

    /// <summary>
    /// Asserts that the slot is closed, that every node and replica reports the same owner, that the owner has the highest epoch, and
    /// that all keys exist.
    /// </summary>
    /// <param name="owner">The expected owner; by default the target.</param>
    /// <param name="highestEpoch">False if the owner never changed, so that it did not raise its epoch.</param>
    public async Task AssertClosedAsync(LocalNode? owner = null, bool highestEpoch = true)
    {
        owner ??= target;
        var epochs = new Dictionary<string, long>();
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning))
        {
            var view = await TestCluster.ViewOfAsync(node);
            Assert.Equal((node.Endpoint, owner.Id), (node.Endpoint, view.Single(line => line.Slots.Contains(slot)).Id));
            var own = view.Single(line => (line.Flags & NodeFlags.Myself) != 0);
            Assert.False(
                own.MigratingTo.ContainsKey(slot) || own.ImportingFrom.ContainsKey(slot), node.Endpoint + " still has the slot open");
            if (own.IsMaster)
                epochs[node.Id] = own.ConfigEpoch;
        }

        // On Garnet it only exceeds that of the former owner: a node raises its epoch above those that it knows, and gossip takes a second.
        if (highestEpoch)
        {
            var lower = epochs.Where(epoch => epoch.Key != owner.Id && (!cluster.IsGarnet || epoch.Key == source.Id));
            Assert.All(
                lower,
                epoch => Assert.True(
                    epoch.Value < epochs[owner.Id], epoch.Key + " has epoch " + epoch.Value + ", the owner " + epochs[owner.Id]));
        }

        Assert.Null(await ShownAsync());
        await AssertKeysAsync();
        Assert.Equal(Keys.Count, await TestCluster.CountKeysAsync(owner, slot));
        // Garnet counts only the slots that a node owns.
        if (!cluster.IsGarnet)
        {
            foreach (var other in cluster.Nodes.Where(node => node.IsRunning && epochs.ContainsKey(node.Id) && node != owner))
                Assert.Equal(0, await TestCluster.CountKeysAsync(other, slot));
        }
    }

    /// <summary>
    /// Deletes the keys of the slot on masters that do not own it. Redis 8.6 shows such keys once the master imports the slot.
    /// </summary>
    public async Task DropHiddenAsync()
    {
        var view = await TestCluster.ViewOfAsync(source);
        if (view.SingleOrDefault(line => line.Slots.Contains(slot)) is not { } owner)
            return;
        foreach (var master in cluster.Masters.Where(node => node.IsRunning && node.Id != owner.Id))
        {
            await master.AskAsync("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.Id);
            using (var connection = await master.ConnectAsync())
                await connection.SendAsync(
                    [.. Keys.SelectMany(key => new[] { RespCommand.Of("ASKING"), RespCommand.Of("DEL", key) }), RespCommand.Of("PING")],
                    null,
                    default);
            await master.AskAsync("CLUSTER", "SETSLOT", slot, "STABLE");
        }
    }

    /// <summary>Asserts that every key reads as it was written.</summary>
    public async Task AssertKeysAsync()
    {
        using var client = cluster.Client();
        var wrong = new List<string>();
        if (Keys.Count > AtOnce)
        {
            foreach (var part in Keys.Chunk(AtOnce))
            {
                var reply = await client.AskAsync(part[0], RespCommand.Of(["MGET", .. part]));
                wrong.AddRange(part
                    .Where((key, i) => reply.IsError || reply.Items[i].IsNull || reply.Items[i].Text != LabWedge.ValueOf(key))
                    .Select(key => Printable.Quote(key)));
            }
        }
        else
        {
            foreach (var key in Keys)
            {
                var reply = await client.AskAsync(key, RespCommand.Of("GET", key));
                if (reply.IsNull || reply.Text != LabWedge.ValueOf(key))
                    wrong.Add(Printable.Quote(key) + ": " + reply);
            }
        }

        Assert.Empty(wrong);
    }

    /// <summary>
    /// Asserts that exactly one of the two nodes holds each key, with the right value. Reads each node directly, without following
    /// redirects.
    /// </summary>
    public async Task AssertKeysAsync(LocalNode one, LocalNode other)
    {
        using var first = await one.ConnectAsync();
        using var second = await other.ConnectAsync();
        var wrong = new List<string>();
        foreach (var part in Keys.Chunk(AtOnce))
        {
            var here = await first.SendAsync([.. part.Select(key => RespCommand.Of("GET", key))], null, default);
            var there = await second.SendAsync(
                [.. part.SelectMany(key => new[] { RespCommand.Of("ASKING"), RespCommand.Of("GET", key) })], null, default);
            for (var i = 0; i < part.Length; i++)
            {
                string?[] found = [TextOf(here[i]), TextOf(there[(2 * i) + 1])];
                if (found.Count(text => text == LabWedge.ValueOf(part[i])) != 1 || found.Count(text => text is not null) != 1)
                    wrong.Add(Printable.Quote(part[i]));
            }
        }

        Assert.Empty(wrong);

        // For a moved key, a migrating source replies ASK, and another source replies null.
        static string? TextOf(RespValue reply) => reply.IsError || reply.IsNull ? null : reply.Text;
    }
}
