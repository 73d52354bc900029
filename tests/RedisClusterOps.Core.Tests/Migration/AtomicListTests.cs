using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Lists of tasks that are lost, invalid or outdated: the owners decide.</summary>
public class AtomicListTests
{
    private static readonly RespValue Nothing = RespValue.Array([]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task If_the_list_is_lost_the_owners_decide(bool valkey)
    {
        var stage = new AtomicStage(valkey);
        stage.HostLists = n =>
        {
            if (stage.Orders == 1 && n > 3)
                stage.Owner = AtomicStage.TargetId;
            return stage.Orders == 0 || n > 3 ? Nothing : RespValue.Array([stage.Entry("task1", "snapshotting")]);
        };
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);
        Assert.Equal(1, stage.Orders);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lists_that_are_lost_each_time_end_the_move_at_the_third(bool valkey)
    {
        var stage = new AtomicStage(valkey);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal(3, stage.Orders);
        Assert.Contains("no longer lists the task", failure.Message);
    }

    [Theory]
    [InlineData(false, true, 1)]
    [InlineData(false, false, 2)]
    [InlineData(true, true, 1)]
    [InlineData(true, false, 2)]
    public async Task A_task_whose_reply_was_lost_is_searched_for_before_another_is_started(bool valkey, bool arrived, int orders)
    {
        var stage = new AtomicStage(valkey);
        stage.Begins = n => n == 1
            ? throw new RedisConnectionException(
                FailureCode.ConnectionFailed, new NodeEndpoint("10.0.0.1", 6379), "the connection broke.", outcomeUnknown: true)
            : RespValue.Bulk("task" + n);
        stage.HostLists = n =>
        {
            var id = "task" + stage.Orders;
            if (stage.Orders == 0 || (stage.Orders == 1 && !arrived))
                return Nothing;
            if (n < 3)
                return RespValue.Array([stage.Entry(id, "snapshotting")]);
            stage.Owner = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry(id, valkey ? "success" : "completed")]);
        };
        Assert.Equal((false, 2), (await stage.MoveAsync()) is var outcome ? (outcome.Adopted, outcome.Attempts) : default);
        Assert.Equal(orders, stage.Orders);
    }

    public static TheoryData<string> Hostile => ["not a list", "no fields", "odd", "slots of nowhere", "another's id"];

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task An_invalid_list_is_never_a_success(string kind)
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = _ => stage.Orders == 0 ? Nothing : kind switch
        {
            "not a list" => RespValue.Bulk("completed"),
            "no fields" => RespValue.Array([Nothing, RespValue.Null, RespValue.Number(5)]),
            "odd" =>
                RespValue.Array([RespValue.Array([RespValue.Bulk("id"), RespValue.Bulk("task" + stage.Orders), RespValue.Bulk("state")])]),
            "slots of nowhere" => RespValue.Array([stage.Entry("task" + stage.Orders, "completed", slots: "20000-5 x -1")]),
            _ => RespValue.Array([stage.Entry("TASK", "completed")]),
        };
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => stage.MoveAsync());
        Assert.Contains("No slot was transferred", failure.Message);
    }

    // The Redis target retries and gets the slots from the new master. The list of the old master is outdated.
    [Fact]
    public async Task The_list_of_a_demoted_source_does_not_decide()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.Demoted = AtomicStage.SourceId;
            return stage.Done();
        };
        stage.PeerLists = n => stage.Orders == 0
            ? Nothing
            : RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to manual failover", host: false)]);
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);

        // A failure during the handover does, also if the source became a replica because it has no slots left.
        stage.PeerLists = n => RespValue.Array([stage.Entry("task2", "failed", "pause expired", host: false)]);
        stage.HostLists = n => stage.Orders == 1 ? Nothing : stage.Done("task2");
        (stage.Owner, stage.Demoted) = (AtomicStage.SourceId, null);
        stage.Begins = n =>
        {
            stage.Demoted = AtomicStage.SourceId;
            return RespValue.Bulk("task" + n);
        };
        Assert.Contains("pause expired. Writes that arrived", (await stage.FailsAsync(FailureCode.ServerError)).Message);
    }

    [Fact]
    public async Task A_demoted_target_makes_the_plan_stale()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.Demoted = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to switching to replica (state: accumulate-buffer)")]);
        };
        var failure = await stage.FailsAsync(FailureCode.StalePlan);
        Assert.Contains("10.0.0.2:6379 is a replica now. No slot was transferred", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    // The node may still be the master.
    [Fact]
    public async Task After_an_abandoned_failover_the_move_is_retried()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders switch
        {
            0 => Nothing,
            1 => RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to manual failover (state: accumulate-buffer)")]),
            _ => stage.Done("task2"),
        };
        Assert.Equal(2, (await stage.MoveAsync()).Attempts);
    }

    [Fact]
    public async Task Completed_on_one_end_is_not_enough()
    {
        // The other end completes the handover later.
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders == 0 ? Nothing : stage.Done();
        stage.PeerLists = n =>
            stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", n < 5 ? "stream-eof" : "completed", host: false)]);
        await stage.MoveAsync();
        Assert.True(stage.Reads >= 5);

        // It failed: the target owns the slots, but some writes may be missing.
        stage = new AtomicStage(valkey: false);
        var half = stage;
        stage.HostLists = n => half.Orders == 0 ? Nothing : half.Done();
        stage.PeerLists = n => half.Orders == 0 ? Nothing : RespValue.Array([half.Entry("task1", "failed", "pause expired", host: false)]);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Contains("the source reports 'failed': pause expired. Writes that arrived during the handover may be lost", failure.Message);
        Assert.Contains("10.0.0.2:6379 owns all of them now", failure.Message);
    }

    [Fact]
    public async Task Completed_is_no_success_unless_both_ends_report_the_target_as_the_owner()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.OwnerByTarget = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry("task1", stage.IsValkey ? "success" : "completed")]);
        };
        var failure = await stage.FailsAsync(FailureCode.ClusterViewConflict);
        Assert.Contains("10.0.0.1:6379 reports 10.0.0.1:6379 as the owner of slot 0", failure.Message);
    }
}
