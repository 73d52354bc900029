using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Cluster.Tests.Moves;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>Whatever guards a cluster, the work is the same: a slot completed, one undone, slots moved whole. Strangers get nowhere.</summary>
public sealed class GuardedClusterTests
{
    private const int Slot = 100;
    private const int Keys = 20;

    public static TheoryData<string, Guard> Cases => new(
        from server in new[] { Servers.Redis70, Servers.Valkey91 }
        from guard in new[] { Guard.Password, Guard.Acl, Guard.Tls, Guard.MutualTls }
        select (server, guard));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Slots_are_completed_undone_and_rebalanced_and_strangers_are_kept_out(string server, Guard guard)
    {
        using var home = new RcoHome();
        using var files = new GuardedCluster();
        await using var cluster = await GuardedCluster.StartAsync(server, guard, files);
        var options = new MoveOptions { JournalPath = home.Folder("journal") };
        await cluster.Wedge().WedgeAsync(slot: Slot, keys: Keys, moved: 8);
        await cluster.Wedge().WedgeAsync(slot: Slot + 1, keys: Keys, moved: 8);

        foreach (var (stranger, code) in files.Strangers(guard))
        {
            using var outside = new RedisCluster(new RedisClusterSession(cluster.Endpoints, stranger));
            Assert.Equal(code, (await Assert.ThrowsAnyAsync<RedisOperationException>(() => outside.GetInfoAsync(default))).Code);
        }

        using var core = new RedisCluster(new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection));
        Assert.Equal([Slot, Slot + 1], (await core.GetOpenSlotsAsync(null, default)).Select(open => open.Slot));

        var completed = await core.CarryOutAsync(await core.PlanCompletionAsync(Slot, null, null, options, default), default);
        Assert.Equal((MigrationOutcome.Completed, 12L, null), (completed.Result.Outcome, completed.Result.KeysMoved, completed.Failure));

        var undone = await core.CarryOutAsync(await core.PlanUndoAsync(Slot + 1, null, null, UndoStrategy.RoundTrip, false, options, default), default);
        Assert.Equal((MigrationOutcome.RolledBack, null), (undone.Result.Outcome, undone.Failure));

        var rebalance = new RebalanceOptions { Threshold = 0 };
        var plan = await core.PlanRebalanceAsync(rebalance, options, default);
        Assert.Equal(19, Assert.Single(plan.Moves).SlotCount);
        Assert.All(await MoveRuns.CarryOutAsync(core, plan, options), moved => Assert.Equal((MigrationOutcome.Moved, null), (moved.Result.Outcome, moved.Failure)));
        Assert.Empty((await core.PlanRebalanceAsync(rebalance, options, default)).Moves);

        Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
        foreach (var slot in new[] { Slot, Slot + 1 })
            Assert.True((await cluster.Wedge().ReadBackAsync(slot, Keys)).IsComplete);
    }
}
