using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>
/// States in which completing could lose a key or needs an operator's decision are refused with the reason and the next command. Nothing
/// is written.
/// </summary>
[Collection(nameof(SharedClusters))]
public sealed class RefusedStateTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Stray_keys_on_an_importer_while_the_owner_has_no_flag(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 5, moved: 3);
        await scene.SetSlotAsync(scene.Source, "STABLE");

        var shown = await ShownAsync(scene, RedisOpenSlotState.StrayKeys);
        // The source shown is the node that holds keys without owning the slot.
        Assert.Equal((scene.Target.Id, scene.Source.Id, 3L, 2L), (shown.SourceId, shown.TargetId, shown.KeysOnSource, shown.KeysOnTarget));
        await AssertRefusedAsync(scene, shown, "StrayKeys", "Repair-RedisCluster -Slot " + scene.Slot);

        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // Redis does not drop all cluster bus packets, and resolves the conflict within two seconds.
    [Theory]
    [InlineData(Servers.Valkey91)]
    public async Task Two_masters_that_both_claim_the_slot(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        // Otherwise one master would give way as soon as it learns of the other, and the owner would delete its keys.
        await SlotScene.DropBusPacketsAsync(scene.Source, true);
        await SlotScene.DropBusPacketsAsync(scene.Target, true);
        try
        {
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
            var shown = await ShownAsync(scene, RedisOpenSlotState.ClaimedWithoutEpoch);
            await AssertRefusedAsync(scene, shown, "claimed by", "Repair-RedisCluster -Slot " + scene.Slot);
        }
        finally
        {
            // Withdraw the claim before any node learns of it.
            await scene.Target.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Source.Id);
            await SlotScene.DropBusPacketsAsync(scene.Source, false);
            await SlotScene.DropBusPacketsAsync(scene.Target, false);
        }

        await scene.AssertKeysAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_slot_without_an_owner(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.Source.SendAsync("CLUSTER", "DELSLOTS", scene.Slot);
        try
        {
            var shown = await ShownAsync(scene, RedisOpenSlotState.Unowned);
            Assert.Null(shown.Owner);
            // These servers count no keys of a slot that a node does not own, so zero means nothing.
            Assert.Equal(server is Servers.Redis86 or Servers.Garnet, shown.Detail!.Contains("it is unknown which master"));
            await AssertRefusedAsync(scene, shown, "Unowned", "Repair-RedisCluster -Slot " + scene.Slot);
        }
        finally
        {
            await scene.Source.SendAsync("CLUSTER", "ADDSLOTS", scene.Slot);
        }
    }

    // Redis 8.6 and Garnet count no key of a slot that the node does not own.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_slot_without_an_owner_whose_keys_are_on_one_master(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        await scene.Source.SendAsync("CLUSTER", "DELSLOTS", scene.Slot);
        try
        {
            var shown = await ShownAsync(scene, RedisOpenSlotState.Unowned);
            Assert.Equal((scene.Source.Id, 5L), (shown.SourceId, shown.KeysOnSource));
            await AssertRefusedAsync(scene, shown, "its keys are on " + scene.Source.Endpoint, "Repair-RedisCluster -Slot " + scene.Slot);
        }
        finally
        {
            await scene.Source.SendAsync("CLUSTER", "ADDSLOTS", scene.Slot);
        }

        await scene.AssertKeysAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Two_masters_that_import_the_slot(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 5, moved: 2);
        var other = scene.Cluster.Node(0);
        await scene.SetSlotAsync(other, "IMPORTING", scene.Source);

        var shown = await ShownAsync(scene, RedisOpenSlotState.Tangled);
        Assert.Contains(other.Endpoint.ToString(), shown.Detail);
        await AssertRefusedAsync(scene, shown, "more than one master is importing it", "Repair-RedisCluster -Slot " + scene.Slot);

        await scene.SetSlotAsync(other, "STABLE");
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Garnet, MemberType = typeof(Servers))]
    public async Task An_importer_that_is_not_the_target_of_the_source(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        var other = scene.Cluster.Node(0);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.SetSlotAsync(other, "IMPORTING", scene.Source);

        var shown = await ShownAsync(scene, RedisOpenSlotState.Tangled);
        await AssertRefusedAsync(scene, shown, "but " + other.Endpoint + " is importing it", "Repair-RedisCluster -Slot " + scene.Slot);

        await scene.SetSlotAsync(other, "STABLE");
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // Valkey and Garnet reject the command.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Redis86)]
    public async Task A_source_that_migrates_the_slot_to_itself(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Source);

        var shown = await ShownAsync(scene, RedisOpenSlotState.Tangled);
        await AssertRefusedAsync(scene, shown, "migrating it to itself", "Repair-RedisCluster -Slot " + scene.Slot);

        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task An_importer_whose_source_is_not_the_owner(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Cluster.Node(2));

        var shown = await ShownAsync(scene, RedisOpenSlotState.Tangled);
        await AssertRefusedAsync(scene, shown, "but " + scene.Source.Endpoint + " owns it", "Repair-RedisCluster -Slot " + scene.Slot);

        await scene.SetSlotAsync(scene.Target, "STABLE");
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_target_that_does_not_answer(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 5, moved: 2);
        scene.Target.Stop();
        try
        {
            using var core = scene.Core(patience: 0.5);
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(
                () => core.PlanCompletionAsync(scene.Slot, null, null, new MoveOptions(), default));
            Assert.Equal((FailureCode.NodeUnreachable, scene.Target.Endpoint.ToString()), (refusal.Code, refusal.Subject));
            Assert.StartsWith("Connect-RedisCluster -AddressMap ", refusal.NextStep());
        }
        finally
        {
            scene.Target.Continue();
        }

        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [InlineData(Servers.Redis86)]
    [InlineData(Servers.Valkey91)]
    public async Task A_slot_that_is_in_an_atomic_migration(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(500);
        // The snapshot takes ten seconds with this delay. The test cancels it earlier.
        await scene.Source.SendAsync("CONFIG", "SET", "rdb-key-save-delay", 20_000);
        if (server == Servers.Redis86)
            await scene.Target.SendAsync("CLUSTER", "MIGRATION", "IMPORT", scene.Slot, scene.Slot);
        else
            await scene.Source.SendAsync("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", scene.Slot, scene.Slot, "NODE", scene.Target.Id);
        try
        {
            var shown = await ShownAsync(scene, RedisOpenSlotState.Atomic);
            Assert.Equal((scene.Source.Id, scene.Target.Id), (shown.SourceId, shown.TargetId));
            // The servers write in the meantime, so the test checks the commands of the core instead.
            using var log = new OperationLog { Commands = true };
            using var core = scene.Core(log);
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(
                () => core.PlanCompletionAsync(scene.Slot, null, null, new MoveOptions(), default));
            Assert.Equal((FailureCode.SlotStateUnsuitable, shown.Advice), (refusal.Code, refusal.NextStep()));
            Assert.Contains("the servers report", refusal.Message);
            while (log.TryTake(out var sent, default))
                Assert.DoesNotMatch("SETSLOT|MIGRATE |IMPORT|CANCEL|SLOTS ", sent!.Message.Split("> ")[1]);
        }
        finally
        {
            if (server == Servers.Redis86)
                await scene.Target.SendAsync("CLUSTER", "MIGRATION", "CANCEL", "ALL");
            else
                await scene.Source.SendAsync("CLUSTER", "CANCELSLOTMIGRATIONS");
            await scene.Source.SendAsync("CONFIG", "SET", "rdb-key-save-delay", 0);
        }

        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    private static async Task<RedisOpenSlot> ShownAsync(SlotScene scene, RedisOpenSlotState state)
    {
        var shown = await scene.ShownAsync();
        Assert.NotNull(shown);
        Assert.Equal(state, shown.State);
        Assert.NotEmpty(shown.ClientsSee);
        Assert.NotNull(shown.Detail);
        return shown;
    }

    private static async Task AssertRefusedAsync(SlotScene scene, RedisOpenSlot shown, string reason, string next)
    {
        var refusal = await scene.AssertRefusedAsync(FailureCode.SlotStateUnsuitable, reason);
        Assert.StartsWith(next, refusal.NextStep());
        Assert.Equal(refusal.NextStep(), shown.Advice);
    }
}
