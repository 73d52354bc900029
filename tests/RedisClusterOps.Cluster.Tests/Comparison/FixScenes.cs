using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Repair;
using RedisClusterOps.Cluster.Tests.States;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>What the cases of the comparison set up and do.</summary>
internal static class FixScenes
{
    public static Func<SlotScene, Task> StateOf(string name) => async scene =>
    {
        var state = OpenStates.Get(name);
        await state.MakeAsync(scene);
        foreach (var deaf in state.Deaf(scene))
            await SlotScene.DropBusPacketsAsync(deaf, false);
    };

    public static LocalNode X(SlotScene scene) => scene.Cluster.Node(0);

    public static LocalClusterOptions WithDebug(LocalClusterOptions options) =>
        options with { ConfigLines = ["enable-debug-command yes"] };

    public static LocalClusterOptions Lasting(LocalClusterOptions options) => options with
    {
        NodeTimeout = TimeSpan.FromSeconds(2),
        AppendOnly = true,
        // Otherwise a replica would migrate to a shard that has none for the moment.
        ConfigLines = ["appendfsync always", "cluster-require-full-coverage no", "cluster-migration-barrier 9"],
    };

    public static LocalClusterOptions WithEmptyTarget(LocalClusterOptions options) =>
        Lasting(options) with { Slots = LocalClusterOptions.SharesFor(2, 3) };

    public static async Task TargetDownAsync(SlotScene scene)
    {
        await scene.WedgeAsync(4, moved: 2);
        await KillAsync(scene, scene.Target);
    }

    public static async Task KillAsync(SlotScene scene, LocalNode node)
    {
        node.Kill();
        foreach (var other in scene.Cluster.Nodes.Where(other => other.IsRunning))
            await KillScene.UntilAsync(
                async () => ((await TestCluster.ViewOfAsync(other)).Single(line => line.Id == node.Id).Flags & NodeFlags.Fail) != 0);
    }

    public static async Task ReturnAsync(SlotScene scene)
    {
        await scene.Target.RestartAsync();
        await scene.Cluster.Cluster.WaitUntilAgreedAsync();
    }

    // Half of the keys have moved, and the replica has received all writes.
    public static async Task PromoteAsync(SlotScene scene, LocalNode master, bool dies)
    {
        await scene.WedgeAsync(5, moved: 2);
        var replica = scene.Cluster.Replicas[master.Index];
        await KillScene.UntilAsync(async () => await OffsetAsync(replica) >= await OffsetAsync(master));
        if (dies)
            master.Kill();
        else
            await TestCluster.PromoteAsync(replica);
        foreach (var other in scene.Cluster.Nodes.Where(other => other.IsRunning))
            await KillScene.UntilAsync(async () => (await TestCluster.ViewOfAsync(other)).Any(IsPromoted));

        bool IsPromoted(NodeLine line) => line.Id == replica.Id && line.IsMaster && line.Slots.Count > 0;
    }

    public static async Task<long> OffsetAsync(LocalNode node) =>
        ServerFacts.Parse((await node.SendAsync("INFO", "replication")).Text).Number("master_repl_offset")!.Value;

    // The slot is open, half of the keys have moved, and a key of S is on T as well.
    public static async Task WithCopyAsync(SlotScene scene, string? value)
    {
        await scene.WedgeAsync(4, moved: 2);
        await scene.StrayAsync(scene.Target, scene.Keys[0], value ?? LabWedge.ValueOf(scene.Keys[0]));
    }

    public static async Task StrayAsync(SlotScene scene)
    {
        await scene.WedgeAsync(2, moved: 1);
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.SetSlotAsync(scene.Target, "STABLE");
    }

    public static async Task UnownAsync(SlotScene scene)
    {
        foreach (var master in scene.Cluster.Masters)
            await master.SendAsync("CLUSTER", "DELSLOTS", scene.Slot);
    }
}
