using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// The replica of the target is promoted while the target is about to take over. A server in a failover delays a transaction that contains
/// PFCOUNT, and refuses it afterwards. Without that the old master would stay the master of slots that its successor never heard of.
/// </summary>
public class FailoverGuardTests
{
    public static TheoryData<string, bool> Cases => new()
    {
        { "redis-7.0", true }, { "redis-7.0", false }, { "redis-8.6", true }, { "redis-8.6", false },
        { "redis-8.6, deleting", true }, { "redis-8.6, deleting", false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_target_takes_over_no_slots_of_a_bulk_move_during_its_failover(string server, bool isGuarded)
    {
        var scene = JointTakeoverTests.TwoSlots(RulesOf(server), replicas: true);
        var failures = SourceFailoverTests.MoveBoth(scene, FailingOver(scene, isGuarded)).Select(outcome => outcome.Failure).ToList();
        AssertAfterFailover(scene, isGuarded, failures);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_target_does_not_take_over_an_open_slot_during_its_failover(string server, bool isGuarded)
    {
        var options = new SceneOptions { TargetHasSlots = true, Clients = 0 };
        var scene = new Scene(RulesOf(server), Start.Migrating, seed: 1, options);
        var attempt = Operation.Complete.Run(scene, FailingOver(scene, isGuarded));
        AssertAfterFailover(scene, isGuarded, [attempt.Failure]);
    }

    [Theory]
    [InlineData("MULTI")]
    [InlineData("PFCOUNT")]
    [InlineData("EXEC")]
    public void Without_the_right_to_the_transaction_the_slot_is_handed_over_without_it(string right)
    {
        var options = new SceneOptions { TargetHasSlots = true, Clients = 0 };
        var scene = new Scene(ServerRules.Redis70, Start.Migrating, seed: 1, options);
        var attempt = Operation.Complete.Run(scene, new InterceptingConnector(
            scene.Cluster, sending => JointTakeoverTests.DenyAsync(sending, right)));
        Assert.True(attempt.Succeeded, attempt.ToString());
        scene.Cluster.Settle();
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
        Assert.Equal(scene.Target.Index, scene.Target.Owner[SlotMap.MovingPart]);
    }

    private static ServerRules RulesOf(string server) => ServerRules.All.Single(rules => rules.Name == server);

    private static InterceptingConnector FailingOver(Scene scene, bool isGuarded)
    {
        var hasFailedOver = false;
        return new InterceptingConnector(scene.Cluster, sending =>
        {
            if (hasFailedOver || !sending.Commands.Any(command => InterceptedSend.Text(command).EndsWith("NODE " + scene.Target.Id)))
                return sending.ForwardAsync();
            hasFailedOver = true;
            scene.Cluster.FailOverBeforeItHears(scene.Target);
            return isGuarded ? sending.ForwardAsync()
                : sending.ForwardWithCommandsAsync(command => InterceptedSend.Is(command, "PFCOUNT") ? RespCommand.Of("PING") : command);
        });
    }

    private static void AssertAfterFailover(Scene scene, bool isGuarded, IReadOnlyList<RedisOperationException?> failures)
    {
        scene.Cluster.Settle();
        // A higher epoch of the old master may even take all slots from its successor again.
        Assert.Equal(isGuarded, !scene.Target.IsMaster);
        if (!isGuarded)
            return;
        Assert.True(scene.MasterOf(scene.Target).IsMaster);
        Assert.NotEmpty(failures);
        Assert.All(failures, failure => Assert.True(
            failure is null || failure.Code is FailureCode.ClusterViewConflict or FailureCode.SlotStateUnsuitable, failure?.ToString()));
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
    }
}
