using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Cluster.Tests.Shell;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>Complete, undo and rebalance work with passwords, ACL users, TLS and client certificates. Strangers are refused.</summary>
public sealed class GuardedClusterTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    private const int Slot = 100;
    private const int Keys = 20;

    // In the short proof each kind of guard has one server.
    public static TheoryData<string, Guard> Cases => new(
        from server in new[] { Servers.Redis70, Servers.Valkey91 }
        from guard in new[] { Guard.Password, Guard.Acl, Guard.Tls, Guard.MutualTls }
        where KillCase.IsFullProof || (server == Servers.Redis70) == guard is Guard.Password or Guard.MutualTls
        select (server, guard));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Slots_are_completed_undone_and_rebalanced_and_strangers_are_kept_out(string server, Guard guard)
    {
        using var files = new GuardedCluster();
        await using var cluster = await GuardedCluster.StartAsync(server, guard, files);
        var options = new MoveOptions { JournalPath = JournalOfTests.NewFolder() };
        await cluster.Wedge().WedgeAsync(slot: Slot, keys: Keys, moved: 8);
        await cluster.Wedge().WedgeAsync(slot: Slot + 1, keys: Keys, moved: 8);
        await cluster.Wedge().WedgeAsync(slot: Slot + 2, keys: Keys, moved: 8);

        foreach (var (stranger, code) in files.Strangers(guard))
        {
            using var outside = new RedisCluster(new RedisClusterSession(cluster.Endpoints, stranger));
            Assert.Equal(code, (await Assert.ThrowsAnyAsync<RedisOperationException>(() => outside.GetInfoAsync(default))).Code);
        }

        using var core = new RedisCluster(new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection));
        Assert.Equal([Slot, Slot + 1, Slot + 2], (await core.GetOpenSlotsAsync(null, default)).Select(open => open.Slot));

        // This comes first, because a run of the core holds the lock of the cluster until its RedisCluster is disposed.
        var byCmdlet = await shell.RunAsync(
            cluster.Node(0).Endpoint, cluster.Connection, $"(Complete-RedisSlotMigration {Slot + 2}).Outcome");
        Assert.Equal(["Completed"], byCmdlet.AssertClean().Lines);

        // The client library connects with the same password, certificates and authority.
        var felt = await shell.RunAsync(cluster.Node(0).Endpoint, cluster.Connection, CmdletShell.MeasureClient);
        Assert.Equal(["0 0 True"], felt.AssertClean().Lines);

        var completed = await core.CarryOutAsync(await core.PlanCompletionAsync(Slot, null, null, options, default), default);
        Assert.Equal((MigrationOutcome.Completed, 12L, null), (completed.Result.Outcome, completed.Result.KeysMoved, completed.Failure));

        var undone = await core.CarryOutAsync(
            await core.PlanUndoAsync(Slot + 1, null, null, UndoStrategy.RoundTrip, false, options, default), default);
        Assert.Equal((MigrationOutcome.RolledBack, null), (undone.Result.Outcome, undone.Failure));

        var rebalance = new RebalanceOptions { Threshold = 0 };
        var plan = await core.PlanRebalanceAsync(rebalance, options, default);
        Assert.Equal(18, Assert.Single(plan.Moves).SlotCount);
        Assert.All(
            await MoveRuns.CarryOutAsync(core, plan, options),
            moved => Assert.Equal((MigrationOutcome.Moved, null), (moved.Result.Outcome, moved.Failure)));
        Assert.Empty((await core.PlanRebalanceAsync(rebalance, options, default)).Moves);

        Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
        foreach (var slot in new[] { Slot, Slot + 1, Slot + 2 })
            Assert.True((await cluster.Wedge().ReadBackAsync(slot, Keys)).IsComplete);
    }
}
