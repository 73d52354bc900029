using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Keys that lie on masters which do not own their slot come to the owner; where both have one, nothing is overwritten unasked.</summary>
[Collection(nameof(RepairClusters))]
public sealed class StrayKeyTests(SharedClusters clusters)
{
    private const string Other = "written where nobody sees it";

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Keys_that_only_strays_have_come_to_the_owner(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var (key, i) in scene.Keys.Take(6).Select((key, i) => (key, i)))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(i % 2 == 0 ? scene.Target : scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        Assert.Equal(6, (await scene.RepairSurelyAsync()).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Copies_that_are_equal_are_one_key(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var key in scene.Keys.Take(5))
        {
            await scene.StrayAsync(scene.Target, key, LabWedge.ValueOf(key));
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        Assert.Equal(0, (await scene.RepairSurelyAsync()).KeysConflicting);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task A_copy_that_differs_stops_the_repair_and_is_still_there(string server)
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

        await scene.RepairSurelyAsync(options: new MoveOptions { OnKeyConflict = KeyConflictAction.KeepTarget });
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // The result's source is the holder, its target the owner.
    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task The_value_that_is_to_win_wins_and_the_other_is_saved(string server)
    {
        foreach (var keep in new[] { KeyConflictAction.KeepSource, KeyConflictAction.KeepTarget })
        {
            var scene = await clusters.SceneAsync(server);
            await scene.WriteAsync(12);
            await scene.StrayAsync(scene.Target, scene.Keys[3], Other);
            var journal = Directory.CreateTempSubdirectory("redisclusterops-saved-").FullName;
            try
            {
                var result = await scene.RepairSurelyAsync(options: new MoveOptions { OnKeyConflict = keep, JournalPath = journal });
                Assert.Equal((scene.Target.Id, scene.Source.Id, 1L), (result.SourceId, result.TargetId, result.KeysConflicting));
                var expected = keep == KeyConflictAction.KeepSource ? Other : LabWedge.ValueOf(scene.Keys[3]);
                Assert.Equal(expected, (await scene.Source.SendAsync("GET", scene.Keys[3])).Text);
                Assert.Contains(keep == KeyConflictAction.KeepSource ? "target's value" : "source's value", result.Reason);
                Assert.Contains(Directory.GetFiles(journal, "*", SearchOption.AllDirectories), file => result.Reason!.Contains(Path.GetFileName(file)));
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
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Values_that_differ_on_two_strays_are_decided_one_after_the_other(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        await scene.StrayAsync(scene.Target, scene.Keys[3], Other);
        await scene.StrayAsync(scene.Cluster.Node(0), scene.Keys[3], "a third value");
        Assert.Equal(FailureCode.KeyExistsOnTarget, (await scene.RepairAsync()).Failure?.Code);
        Assert.Equal(2, (await scene.RepairSurelyAsync(options: new MoveOptions { OnKeyConflict = KeyConflictAction.KeepTarget })).KeysConflicting);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // A third importer holds keys while the slot is properly on its way: they go to the declared target, which accepts them.
    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Strays_of_a_slot_on_its_way_go_to_the_declared_target(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        foreach (var key in scene.Keys.Skip(1).Take(3))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        await scene.RepairSurelyAsync();
        await scene.AssertClosedAsync();
    }

    // The declared target has no flag, and another master imports and holds some.
    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task An_importer_that_is_not_the_declared_target_gives_its_keys_to_it(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        foreach (var key in scene.Keys.Take(3))
        {
            await scene.Source.SendAsync("DEL", key);
            await scene.StrayAsync(scene.Cluster.Node(0), key, LabWedge.ValueOf(key));
        }

        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.RepairSurelyAsync();
        await scene.AssertClosedAsync();
    }

    // Nobody has it open: found only by counting every slot on every master, and on Redis 8.6 not at all before a master imports it.
    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Strays_without_any_flag_are_found_when_the_slot_is_asked_for(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await scene.SetSlotAsync(scene.Target, "STABLE");
        Assert.Equal(5, (await scene.RepairSurelyAsync()).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // Redis 8.6 would need every slot imported on every master to tell.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task Strays_without_any_flag_are_found_by_a_repair_of_the_cluster(string server)
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
