using System;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>The runbook's case: slot 5519 was being moved, and nobody went on.</summary>
[Collection(nameof(SharedClusters))]
public sealed class RunbookWedgeTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.Matrix), MemberType = typeof(Servers))]
    public async Task Complete_brings_150_of_150_keys_to_the_target_and_closes_the_slot(string server)
    {
        var scene = await clusters.SceneAsync(server, LabWedge.DefaultSlot, source: 1, target: 3);
        await scene.WedgeAsync(keys: 150, moved: 50);
        var wedged = await ClusterCheck.RunAsync(server, scene.Cluster.Node(0));

        var result = await scene.CompleteSurelyAsync();

        Assert.Equal(100, result.KeysMoved);
        Assert.Equal(0, result.KeysConflicting);
        Assert.Equal((scene.Source.Id, scene.Target.Id), (result.SourceId, result.TargetId));
        await scene.AssertClosedAsync();
        var healed = await ClusterCheck.RunAsync(server, scene.Cluster.Node(0));
        Assert.True(wedged.ExitCode != 0, wedged.Output);
        Assert.True(healed.ExitCode == 0, healed.Output);
    }

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task The_runbooks_script_loses_50_of_150_keys_where_Complete_loses_none(string server)
    {
        var scripted = await clusters.SceneAsync(server);
        await scripted.WedgeAsync(keys: 150, moved: 0);
        await RunTheRunbooksScriptAsync(scripted);
        var after = await UntilTheLossAsync(scripted);
        Assert.Equal((100, 50), (after.Right, after.Missing));
        // It may also leave the source's flag behind.
        await scripted.SetSlotAsync(scripted.Source, "STABLE");

        var completed = await clusters.SceneAsync(server);
        await completed.WedgeAsync(keys: 150, moved: 0);
        await completed.CompleteSurelyAsync();
        await completed.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task The_runbooks_first_option_is_refused_by_the_source_while_it_holds_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 1);

        var reply = await scene.Source.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Target.Id);

        Assert.Contains("still hold keys", reply.Text);
        await scene.CompleteSurelyAsync();
        await scene.AssertClosedAsync();
    }

    // Its commands in its order: 100 keys at the most, then SETSLOT NODE to each master, errors hidden.
    private static async Task RunTheRunbooksScriptAsync(SlotScene scene)
    {
        var keys = await scene.Source.SendAsync("CLUSTER", "GETKEYSINSLOT", scene.Slot, 100);
        foreach (var key in keys.Items)
            await scene.Source.AskAsync("MIGRATE", scene.Target.Endpoint.Host, scene.Target.Endpoint.Port, key.Bytes, 0, 5000);
        foreach (var master in scene.Cluster.Masters)
            await master.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Target.Id);
    }

    // The source deletes what it still holds when it hears of the new owner: at once or within a ping.
    private static async Task<ReadBack> UntilTheLossAsync(SlotScene scene)
    {
        var until = DateTime.UtcNow.AddSeconds(10);
        while (await TestCluster.CountKeysAsync(scene.Source, scene.Slot) > 0 && DateTime.UtcNow < until)
            await Task.Delay(50);
        return await scene.Cluster.Wedge().ReadBackAsync(scene.Slot, 150);
    }
}
