using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Crashes;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>After a repair dies, a resume or the same command continues in its direction. The flags alone would say forward.</summary>
[Collection(nameof(RepairClusters))]
public sealed class RepairAfterCrashTests(SharedClusters clusters) : IDisposable
{
    private readonly string _journal = Directory.CreateTempSubdirectory("redisclusterops-crash-").FullName;

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var server in Servers.RedisAndValkey)
            {
                // In the short proof each way to recover has one server.
                if (Servers.IsTaken(server.Data, 1))
                    cases.Add(server.Data, true);
                if (Servers.IsTaken(server.Data, 2))
                    cases.Add(server.Data, false);
            }

            return cases;
        }
    }

    private MoveOptions Options => new() { BatchSize = 5, JournalPath = _journal };

    // Only the flag of the former holder is left, which looks like a migration that has just begun.
    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Keys_that_returned_to_the_owner_stay_there(string server, bool resumes)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(20, moved: 7);
        await scene.SetSlotAsync(scene.Source, "STABLE");
        await DieAsync(scene, "STABLE", async core => await core.CarryOutAsync(await PlanAsync(core, scene), default));
        Assert.Equal(
            (20, 0),
            (await TestCluster.CountKeysAsync(scene.Source, scene.Slot), await TestCluster.CountKeysAsync(scene.Target, scene.Slot)));
        await RecoverAsync(scene, resumes);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_repair_that_continues_an_undo_stays_an_undo(string server, bool resumes)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(20, moved: 7);
        await DieAsync(
            scene,
            "MIGRATE",
            async core =>
                await core.CarryOutAsync(
                    await core.PlanUndoAsync(scene.Slot, null, null, UndoStrategy.RoundTrip, false, Options, default), default));
        await DieAsync(scene, "MIGRATE", async core => await core.CarryOutAsync(await PlanAsync(core, scene), default));
        await RecoverAsync(scene, resumes);
    }

    public void Dispose() => Directory.Delete(_journal, recursive: true);

    private async Task RecoverAsync(SlotScene scene, bool resumes)
    {
        using var core = scene.Core();
        var plan = resumes ? Assert.Single(await core.PlanResumeAsync(null, Options, default)) : await PlanAsync(core, scene);
        var outcome = await core.CarryOutAsync(plan, default);
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(MigrationOutcome.Repaired, outcome.Result.Outcome);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    private async Task<SlotPlan> PlanAsync(RedisCluster core, SlotScene scene) =>
        Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [scene.Slot] }, Options, default));

    private static async Task DieAsync(SlotScene scene, string word, Func<RedisCluster, Task> work)
    {
        var session = new RedisClusterSession([scene.Target.Endpoint], scene.Cluster.Connection);
        var connector = new DyingConnector(
            new NodeConnector(session.Options), (_, commands) => commands.Select(command => command.ToString())
                .Any(IsLast), Death.BeforeSending);
        using var core = new RedisCluster(session, connector, null);
        await Assert.ThrowsAsync<ProcessDiedException>(() => work(core));

        bool IsLast(string command) => !command.StartsWith("ACL ") && command.Split(' ').Contains(word);
    }
}
