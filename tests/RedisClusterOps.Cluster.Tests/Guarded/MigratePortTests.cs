using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Moves;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>
/// Keys move to the port with the encryption of MIGRATE on the source, whatever the client uses: TLS if tls-cluster is yes, otherwise
/// plain TCP.
/// </summary>
public sealed class MigratePortTests
{
    private const int Keys = 12;

    public static TheoryData<string, bool> Cases => new(
        from server in new[] { Servers.Redis70, Servers.Valkey91 }
        from tlsCluster in new[] { false, true }
        where KillCase.IsFullProof || (server == Servers.Redis70) == tlsCluster
        select (server, tlsCluster));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Slots_are_completed_undone_repaired_and_moved_through_both_ports(string server, bool tlsCluster)
    {
        await using var two = await TwoPortCluster.StartAsync(server, tlsCluster);
        var slot = 100;
        foreach (var tls in new[] { true, false })
        {
            // KeyByKey, because the test is about MIGRATE.
            var options = new MoveOptions { Method = MoveMethod.KeyByKey };
            for (var i = 0; i < 3; i++)
                await two.Cluster.Wedge().WedgeAsync(slot: slot + i, keys: Keys, moved: 5);
            using var core = new RedisCluster(two.Session(tls));
            var target = "MIGRATE 127.0.0.1 " + two.Port(1, tlsCluster) + " ";

            var completion = await core.PlanCompletionAsync(slot, null, null, options, default);
            Assert.Equal([target], Migrates(completion).Select(command => command[..target.Length]));
            var completed = await core.CarryOutAsync(completion, default);
            Assert.Equal((MigrationOutcome.Completed, 7L, null), (completed.Result.Outcome, completed.Result.KeysMoved, completed.Failure));

            // The way back uses the port of the source.
            var undo = await core.PlanUndoAsync(slot + 1, null, null, UndoStrategy.RoundTrip, false, options, default);
            Assert.Contains(Migrates(undo), command => command.StartsWith("MIGRATE 127.0.0.1 " + two.Port(0, tlsCluster) + " "));
            Assert.Equal(
                (MigrationOutcome.RolledBack, null),
                ((await core.CarryOutAsync(undo, default)) is var undone ? undone.Result.Outcome : default, undone.Failure));

            var repair = Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [slot + 2] }, options, default));
            Assert.Null((await core.CarryOutAsync(repair, default)).Failure);

            // Whole slots with keys, in the other direction.
            var selection = new SlotSelection { Slots = [slot, slot + 2], Target = two.Cluster.Node(0).Id };
            var moves = await core.PlanMoveAsync(selection, options, default);
            Assert.All(
                await MoveRuns.CarryOutAsync(core, moves, options),
                moved => Assert.Equal((MigrationOutcome.Moved, null), (moved.Result.Outcome, moved.Failure)));

            Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
            foreach (var number in new[] { slot, slot + 1, slot + 2 })
                Assert.True((await two.Cluster.Wedge().ReadBackAsync(number, Keys)).IsComplete);
            slot += 10;
        }

        // A target without the port that the source needs is refused before anything is written.
        await RefusedWithoutThePortAsync(two, tlsCluster);
    }

    private static async Task RefusedWithoutThePortAsync(TwoPortCluster two, bool tlsCluster)
    {
        await two.Cluster.Wedge().WedgeAsync(slot: 200, keys: Keys, moved: 5);
        foreach (var node in two.Cluster.Nodes)
            await node.SendAsync("CONFIG", "SET", "tls-cluster", tlsCluster ? "no" : "yes");
        foreach (var node in Enumerable.Range(0, 2))
            await two.Cluster.Node(node).SendAsync("CONFIG", "SET", tlsCluster ? "port" : "tls-port", "0");
        using var core = new RedisCluster(two.Session(tlsCluster));
        var refusal = await Assert.ThrowsAnyAsync<RedisOperationException>(
            () => core.PlanCompletionAsync(200, null, null, new MoveOptions(), default));
        Assert.Equal(FailureCode.TlsMismatch, refusal.Code);
        Assert.Contains("Nothing was changed", refusal.Message);
    }

    private static string[] Migrates(SlotPlan plan) =>
        [
            .. plan.Actions.SelectMany(action => action.Commands)
                .Select(command => command.Command).Where(command => command.StartsWith("MIGRATE ")),
        ];
}
