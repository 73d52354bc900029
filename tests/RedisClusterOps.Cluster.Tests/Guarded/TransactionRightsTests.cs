using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>A target takes over many slots in one transaction. Without a right to that, each slot is a change of its own.</summary>
public sealed class TransactionRightsTests
{
    private const int Slots = 300;

    private static readonly string[] Transactions = ["+multi", "+exec"];

    [Theory]
    [InlineData("", true)]
    [InlineData("+multi", false)]
    [InlineData("+exec", false)]
    public async Task Many_slots_move_with_and_without_transactions(string missing, bool inTransactions)
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 3);
        var (source, target) = (cluster.Node(0), cluster.Node(2));
        string[] rules = [.. RightsTable.Rows["Move-RedisSlot"], "+info", .. Transactions.Where(rule => rule != missing)];
        foreach (var node in cluster.Nodes)
            await node.SendAsync(["ACL", "SETUSER", RightsTable.User, "reset", .. rules]);
        var session = new RedisClusterSession(
            [source.Endpoint], new ConnectionOptions { User = RightsTable.User, Password = RightsTable.Password });
        using var core = new RedisCluster(session) { KeepsJournal = false };
        var options = new MoveOptions { Method = MoveMethod.KeyByKey };
        var slots = (await TestCluster.OwnLineOfAsync(source)).Slots.Slots.Take(Slots).ToList();
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = slots, Target = target.Id }, options, default);

        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);

        Assert.Equal(slots, outcomes.Select(outcome => outcome.Result.Slot).Order());
        Assert.All(outcomes, outcome => Assert.Null(outcome.Failure));
        Assert.Empty(slots.Except((await TestCluster.OwnLineOfAsync(target)).Slots.Slots));
        // EXEC is counted also for the check of the right, which executes nothing.
        var stats = (await target.SendAsync("INFO", "commandstats")).Text;
        Assert.Equal(inTransactions, stats.Contains("cmdstat_cluster|bumpepoch", StringComparison.Ordinal));
    }
}
