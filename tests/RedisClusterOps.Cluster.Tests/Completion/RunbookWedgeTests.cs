using System;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Cluster.Tests.Comparison;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>The case of the runbook: the migration of slot 5519 was abandoned half-way.</summary>
[Collection(nameof(SharedClusters))]
public sealed class RunbookWedgeTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Garnet, MemberType = typeof(Servers))]
    public async Task Complete_moves_150_of_150_keys_to_the_target_and_closes_the_slot(string server)
    {
        var scene = await clusters.SceneAsync(server, LabWedge.DefaultSlot, source: 1, target: 3);
        await scene.WedgeAsync(keys: 150, moved: 50);
        var wedged = await CheckAsync(server, scene.Cluster.Node(0));

        var result = await scene.CompleteSuccessfullyAsync();

        Assert.Equal(100, result.KeysMoved);
        Assert.Equal(0, result.KeysConflicting);
        Assert.Equal((scene.Source.Id, scene.Target.Id), (result.SourceId, result.TargetId));
        await scene.AssertClosedAsync();
        var healed = await CheckAsync(server, scene.Cluster.Node(0));
        Assert.True(wedged.ExitCode != 0, wedged.Output);
        Assert.True(healed.ExitCode == 0, healed.Output);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task The_script_of_the_runbook_loses_50_of_150_keys_and_Complete_loses_none(string server)
    {
        var scripted = await clusters.SceneAsync(server);
        await scripted.WedgeAsync(keys: 150, moved: 0);
        await RunRunbookScriptAsync(scripted);
        var after = await UntilLostAsync(scripted);
        Assert.Equal((100, 50), (after.Right, after.Missing));
        // The script may also leave the flag of the source set.
        await scripted.SetSlotAsync(scripted.Source, "STABLE");

        var completed = await clusters.SceneAsync(server);
        await completed.WedgeAsync(keys: 150, moved: 0);
        await completed.CompleteSuccessfullyAsync();
        await completed.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task The_source_rejects_the_first_option_of_the_runbook_while_it_holds_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 1);

        var reply = await scene.Source.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Target.Id);

        Assert.Contains("still hold keys", reply.Text);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // Garnet has no tool of its own.
    private static Task<(int ExitCode, string Output)> CheckAsync(string server, LocalNode node) =>
        FixTool.RunAsync(server == Servers.Garnet ? Servers.Redis70 : server, node, [], string.Empty, command: "check");

    // The commands of the runbook, in its order: at most 100 keys, then SETSLOT NODE on each master. Errors are ignored.
    private static async Task RunRunbookScriptAsync(SlotScene scene)
    {
        var keys = await scene.Source.SendAsync("CLUSTER", "GETKEYSINSLOT", scene.Slot, 100);
        foreach (var key in keys.Items)
            await scene.Source.AskAsync("MIGRATE", scene.Target.Endpoint.Host, scene.Target.Endpoint.Port, key.Bytes, 0, 5000);
        foreach (var master in scene.Cluster.Masters)
            await master.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Target.Id);
    }

    // The source deletes its remaining keys when it learns of the new owner, at once or with the next ping.
    private static async Task<ReadBack> UntilLostAsync(SlotScene scene)
    {
        var until = DateTime.UtcNow.AddSeconds(10);
        while (await TestCluster.CountKeysAsync(scene.Source, scene.Slot) > 0 && DateTime.UtcNow < until)
            await Task.Delay(50);
        return await scene.Cluster.Wedge().ReadBackAsync(scene.Slot, 150);
    }
}
