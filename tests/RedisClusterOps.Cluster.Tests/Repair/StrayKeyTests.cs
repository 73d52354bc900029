using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>
/// A repair moves stray keys to the owner of their slot. If the owner has another value, nothing is overwritten without a decision.
/// </summary>
[Collection(nameof(RepairClusters))]
public sealed class StrayKeyTests(SharedClusters clusters)
{
    private const string Other = "a hidden value";

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Stray_keys_without_another_copy_move_to_the_owner(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var (key, i) in scene.Keys.Take(6).Select((key, i) => (key, i)))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(i % 2 == 0 ? scene.Target : scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        Assert.Equal(6, (await scene.RepairSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Equal_copies_become_one_key(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var key in scene.Keys.Take(5))
        {
            await scene.StrayAsync(scene.Target, key, LabWedge.ValueOf(key));
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        Assert.Equal(0, (await scene.RepairSuccessfullyAsync()).KeysConflicting);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_different_copy_stops_the_repair_and_is_kept(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        await scene.StrayAsync(scene.Target, scene.Keys[3], Other);

        var outcome = await scene.RepairAsync();
        Assert.Equal(FailureCode.KeyExistsOnTarget, outcome.Failure?.Code);
        Assert.Contains(scene.KeyName(3), outcome.Failure!.Message);
        Assert.Contains("-OnKeyConflict", outcome.Failure.NextStep());
        await scene.AssertKeysAsync();
        Assert.Equal(1, await TestCluster.CountKeysAsync(scene.Target, scene.Slot));

        await scene.RepairSuccessfullyAsync(options: new MoveOptions { OnKeyConflict = KeyConflictAction.KeepInUse });
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // The source of the result is the holder of the stray key, its target the owner.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task The_chosen_value_wins_and_the_other_is_saved(string server)
    {
        foreach (var keep in new[] { KeyConflictAction.KeepOther, KeyConflictAction.KeepInUse })
        {
            var scene = await clusters.SceneAsync(server);
            await scene.WriteAsync(12);
            await scene.StrayAsync(scene.Target, scene.Keys[3], Other);
            var journal = Directory.CreateTempSubdirectory("redisclusterops-saved-").FullName;
            try
            {
                var result = await scene.RepairSuccessfullyAsync(options: new MoveOptions { OnKeyConflict = keep, JournalPath = journal });
                Assert.Equal((scene.Target.Id, scene.Source.Id, 1L), (result.SourceId, result.TargetId, result.KeysConflicting));
                var expected = keep == KeyConflictAction.KeepOther ? Other : LabWedge.ValueOf(scene.Keys[3]);
                Assert.Equal(expected, (await scene.Source.SendAsync("GET", scene.Keys[3])).Text);
                Assert.Contains(keep == KeyConflictAction.KeepOther ? "target's value" : "source's value", result.Reason);
                Assert.Contains(
                    Directory.GetFiles(journal, "*", SearchOption.AllDirectories), file => result.Reason!.Contains(Path.GetFileName(file)));
                await scene.Source.SendAsync("SET", scene.Keys[3], LabWedge.ValueOf(scene.Keys[3]));
                await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
            }
            finally
            {
                Directory.Delete(journal, recursive: true);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Different_values_on_two_masters_are_resolved_one_by_one(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        await scene.StrayAsync(scene.Target, scene.Keys[3], Other);
        await scene.StrayAsync(scene.Cluster.Node(0), scene.Keys[3], "a third value");
        Assert.Equal(FailureCode.KeyExistsOnTarget, (await scene.RepairAsync()).Failure?.Code);
        Assert.Equal(
            2,
            (await scene.RepairSuccessfullyAsync(options: new MoveOptions { OnKeyConflict = KeyConflictAction.KeepInUse }))
                .KeysConflicting);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // A third importer holds keys while the slot migrates: they move to the declared target, which accepts them.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Stray_keys_of_a_migrating_slot_move_to_the_declared_target(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        foreach (var key in scene.Keys.Skip(1).Take(3))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        await scene.RepairSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // The declared target has no flag, and another master imports the slot and holds keys.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Keys_of_an_undeclared_importer_move_to_the_declared_target(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var key in scene.Keys.Take(3))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.RepairSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // No node has the slot open. The keys are found by counting every slot on every master, and on Redis 8.6 only once a master imports it.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Stray_keys_without_flags_are_found_by_a_repair_of_the_slot(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.SetSlotAsync(scene.Target, "STABLE");
        Assert.Equal(5, (await scene.RepairSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // Redis 8.6 would have to import every slot on every master.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task Stray_keys_without_flags_are_found_by_a_repair_of_the_cluster(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.SetSlotAsync(scene.Target, "STABLE");
        var outcome = Assert.Single(await scene.RepairAllAsync());
        Assert.Equal((MigrationOutcome.Repaired, 5L), (outcome.Result.Outcome, outcome.Result.KeysMoved));
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }
}
