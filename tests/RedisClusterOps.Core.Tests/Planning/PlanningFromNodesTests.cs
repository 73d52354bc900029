using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>What is asked of the nodes for a plan, and what their answers come to.</summary>
public sealed class PlanningFromNodesTests
{
    private const string A = "10.0.0.1:6379";
    private const string B = "10.0.0.2:6379";

    [Fact]
    public async Task Each_slot_is_counted_once_on_its_owner_and_nothing_is_changed()
    {
        var nodes = Nodes(Redis70);
        var plan = await PlanAsync(nodes, new RebalanceOptions());
        Assert.Equal((1, 1808), (plan.Moves.Count, plan.SlotCount));
        // Every slot of A holds two keys, of B none.
        Assert.Equal(2 * 1808, plan.Moves[0].EstimatedKeys);
        Assert.Equal([20000, 0], plan.Before.Select(share => share.Keys));
        var counted = nodes.Asked.Where(asked => asked.Contains("COUNTKEYSINSLOT")).ToList();
        Assert.Equal((16384, 16384), (counted.Count, counted.Distinct().Count()));
        Assert.Equal(10000, counted.Count(asked => asked.StartsWith(A)));
        Assert.Equal(
            ["CLUSTER COUNTKEYSINSLOT", "CLUSTER INFO", "CLUSTER NODES", "CONFIG GET tls-cluster", "DBSIZE", "INFO"],
            nodes.Asked.Select(asked => asked.Split(' ', 2)[1])
                .Select(command => command.StartsWith("CLUSTER COUNT") ? "CLUSTER COUNTKEYSINSLOT" : command).Distinct().Order());
    }

    [Fact]
    public async Task Memory_is_estimated_from_the_nodes_average_if_the_server_does_not_count_it()
    {
        var plan = await PlanAsync(Nodes(Redis70 + "used_memory_dataset:2000000\r\ndb0:keys=20000,expires=0\r\n"), new RebalanceOptions());
        Assert.Equal(1808 * 200, plan.Moves[0].EstimatedBytes);
        Assert.Null((await PlanAsync(Nodes(Redis70), new RebalanceOptions())).Moves[0].EstimatedBytes);
    }

    [Fact]
    public async Task Memory_is_what_the_server_counts()
    {
        var nodes = Nodes(Redis86, slot => slot < 6 ? 1_000_000 : 10);
        var plan = await PlanAsync(nodes, new RebalanceOptions());
        Assert.Equal(6 * 1_000_000 + 1802 * 10, plan.Moves[0].EstimatedBytes);
        Assert.Equal("Atomic", plan.Moves[0].Method);
        Assert.Equal(2, nodes.Asked.Count(asked => asked.Contains("SLOT-STATS")));
        var even = await PlanAsync(nodes, new RebalanceOptions { By = RebalanceMeasure.Memory });
        Assert.Equal("3 slots", even.Moves[0].ToString().Split(" from")[0]);
    }

    [Fact]
    public async Task Memory_is_estimated_if_the_count_is_disabled()
    {
        var plan = await PlanAsync(Nodes(Redis86 + "used_memory_dataset:2000000\r\ndb0:keys=20000,expires=0\r\n", _ => null),
            new RebalanceOptions());
        Assert.Equal(1808 * 200, plan.Moves[0].EstimatedBytes);
    }

    [Fact]
    public async Task Slots_of_a_node_that_denies_the_count_stay_uncounted()
    {
        var nodes = Nodes(Redis70, denied: true);
        var plan = await PlanAsync(nodes, new RebalanceOptions());
        Assert.Equal((1808, null), (plan.SlotCount, plan.Moves[0].EstimatedKeys));
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() =>
            PlanAsync(nodes, new RebalanceOptions { By = RebalanceMeasure.Keys }));
        Assert.Equal((FailureCode.PermissionDenied, A), (refusal.Code, refusal.Subject));
    }

    [Fact]
    public async Task Selected_slots_are_planned_from_the_nodes_too()
    {
        using var redis = new RedisCluster(PlannedCluster.Session, Nodes(Redis70), null);
        var plan = await redis.PlanMoveAsync(new SlotSelection { Slots = [1, 2], Target = B }, new MoveOptions(), default);
        Assert.Equal(("Move", 2, 4), (plan.Operation, plan.SlotCount, plan.Moves[0].EstimatedKeys));
    }

    private const string Redis70 = "redis_version:7.0.15\r\n";
    private const string Redis86 = "redis_version:8.6.3\r\n";

    private static async Task<RedisRebalancePlan> PlanAsync(ScriptedNodes nodes, RebalanceOptions options)
    {
        using var redis = new RedisCluster(PlannedCluster.Session, nodes, null);
        return await redis.PlanRebalanceAsync(options, new MoveOptions(), default);
    }

    // A owns 0-9999 and B the rest.
    private static ScriptedNodes Nodes(string info, System.Func<int, long?>? bytes = null, bool denied = false) => new ScriptedNodes()
        .Node(A, command => Answer(command, 0, 0, 9999, info, bytes, denied))
        .Node(B, command => Answer(command, 1, 10000, 16383, info, bytes, denied));

    private static RespValue Answer(RespCommand command, int index, int first, int last, string info, System.Func<int, long?>? bytes,
        bool denied) => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(Line(0, index, "0-9999") + Line(1, index, "10000-16383")),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "INFO" => RespValue.Bulk(info),
        "DBSIZE" => RespValue.Number(0),
        "CLUSTER MIGRATION STATUS ALL" => RespValue.Array([]),
        "CLUSTER SLOT-STATS SLOTSRANGE 0 16383" when bytes is not null =>
            RespValue.Array([.. Enumerable.Range(first, last - first + 1).Select(slot => Stats(slot, bytes(slot)))]),
        var count when count.StartsWith("CLUSTER COUNTKEYSINSLOT") =>
            denied ? RespValue.Error("NOPERM this user has no permissions to run the 'cluster|countkeysinslot' command")
                : RespValue.Number(index == 0 ? 2 : 0),
        _ => RespValue.Error("ERR unknown command"),
    };

    private static RespValue Stats(int slot, long? bytes) => RespValue.Array(
    [
        RespValue.Number(slot),
        RespValue.Array(bytes is { } known
            ? [RespValue.Bulk("key-count"), RespValue.Number(2), RespValue.Bulk("memory-bytes"), RespValue.Number(known)]
            : [RespValue.Bulk("key-count"), RespValue.Number(2)]),
    ]);

    private static string Line(int index, int self, string slots) =>
        PlannedCluster.Id(index) + " " + PlannedCluster.Name(index) + "@16379 " + (index == self ? "myself," : string.Empty)
            + "master - 0 0 " + (index + 1) + " connected " + slots + "\n";
}
