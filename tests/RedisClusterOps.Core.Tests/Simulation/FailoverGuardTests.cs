using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
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
        var scene = OpenSlot(RulesOf(server));
        var attempt = Operation.Complete.Run(scene, FailingOver(scene, isGuarded));
        AssertAfterFailover(scene, isGuarded, [attempt.Failure]);
    }

    // A replica that is not elected within five seconds gives up.
    [Theory]
    [InlineData("redis-7.0")]
    [InlineData("redis-8.6")]
    public void The_target_takes_over_after_a_failover_that_was_given_up(string server)
    {
        var scene = JointTakeoverTests.TwoSlots(RulesOf(server), replicas: true);
        var began = scene.Cluster.Clock.Now;
        var outcomes = SourceFailoverTests.MoveBoth(scene, AtTakeover(scene, () =>
        {
            began = scene.Cluster.Clock.Now;
            scene.Target.DelayWrites();
        }));
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        Assert.InRange((scene.Cluster.Clock.Now - began).TotalSeconds, 5, 8);
        AssertMoved(scene);
    }

    // The replica of the source has no MIGRATING flag, so it accepts keys. It would lose them to a takeover that was sent before.
    [Theory]
    [InlineData("redis-7.0", true)]
    [InlineData("redis-7.0", false)]
    [InlineData("redis-8.6", true)]
    public void A_takeover_that_the_target_delays_is_dropped_before_the_source_can_have_a_successor(string server, bool isDropped)
    {
        var scene = JointTakeoverTests.TwoSlots(RulesOf(server), replicas: true);
        var cluster = scene.Cluster;
        var key = SlotMap.KeyOf(SlotMap.Beside, "written to the successor");
        var begin = () =>
        {
            scene.Target.DelayWrites();
            cluster.Clock.After(TimeSpan.FromSeconds(2), () =>
            {
                var successor = cluster.FailOver(scene.Source)!;
                successor.Keys.Set(0, SlotMap.BesidePart, key, new StoredValue("1"));
                cluster.Ledger.Acknowledged(0, key, new StoredValue("1"));
            });
        };
        SourceFailoverTests.MoveBoth(
            scene, AtTakeover(scene, begin, sending => (isDropped ? sending : sending with { Timeout = null }).ForwardAsync()));
        cluster.Settle();
        Assert.Equal(isDropped, Holders(scene, key) == 1);
    }

    // The source has handed over its last slot and is a replica of the target, so no master claims the slot, and the cluster is down.
    [Theory]
    [InlineData("Complete")]
    [InlineData("Repair")]
    [InlineData("Complete, together")]
    [InlineData("Repair, together")]
    public void A_target_that_serves_no_keys_because_the_cluster_is_down_takes_over(string operation)
    {
        var options = new SceneOptions { TargetHasSlots = true, Clients = 0, LastSlotOfSource = true };
        var scene = new Scene(ServerRules.Redis70, Start.FinishedOnSource, seed: 1, options);
        scene.Cluster.Settle();
        Assert.Contains("cluster_state:fail", BareCluster.Ask(scene.Target, "CLUSTER", "INFO"));
        var attempt = Operation.Named(operation).Run(scene);
        Assert.True(attempt.Succeeded, attempt.ToString());
        AssertMoved(scene);
    }

    [Theory]
    [InlineData("MULTI")]
    [InlineData("PFCOUNT")]
    [InlineData("EXEC")]
    public void Without_the_right_to_the_transaction_the_slot_is_handed_over_without_it(string right)
    {
        var scene = OpenSlot(ServerRules.Redis70);
        var attempt = Operation.Complete.Run(scene, new InterceptingConnector(
            scene.Cluster, sending => JointTakeoverTests.DenyAsync(sending, right)));
        Assert.True(attempt.Succeeded, attempt.ToString());
        AssertMoved(scene);
    }

    // A connection that stays in a transaction would answer QUEUED to the next command.
    [Fact]
    public void Where_EXEC_and_DISCARD_are_renamed_the_slot_is_handed_over_on_another_connection()
    {
        var scene = OpenSlot(ServerRules.Redis70);
        var attempt = Operation.Complete.Run(scene, new InterceptingConnector(scene.Cluster, async sending =>
        {
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
            {
                replies.Add(InterceptedSend.Text(command) is "EXEC" or "DISCARD" ? RespValue.Error("ERR unknown command")
                    : (await sending.ForwardAsync([command]))[0]);
            }

            return replies;
        }));
        Assert.True(attempt.Succeeded, attempt.ToString());
        AssertMoved(scene);
    }

    private static int Holders(Scene scene, string key) =>
        scene.Cluster.Nodes.Count(node => node.IsMaster && node.Keys.Get(0, SlotMap.BesidePart, key) is not null);

    private static Scene OpenSlot(ServerRules rules) =>
        new(rules, Start.Migrating, seed: 1, new SceneOptions { TargetHasSlots = true, Clients = 0 });

    private static void AssertMoved(Scene scene)
    {
        scene.Cluster.Settle();
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
        Assert.All(scene.Cluster.Nodes, node => Assert.Equal(scene.Target.Index, node.Owner[SlotMap.MovingPart]));
    }

    private static ServerRules RulesOf(string server) => ServerRules.All.Single(rules => rules.Name == server);

    private static InterceptingConnector FailingOver(Scene scene, bool isGuarded) => AtTakeover(
        scene,
        () => scene.Cluster.FailOverBeforeItHears(scene.Target),
        sending => isGuarded ? sending.ForwardAsync()
            : sending.ForwardWithCommandsAsync(command => InterceptedSend.Is(command, "PFCOUNT") ? RespCommand.Of("PING") : command));

    private static InterceptingConnector AtTakeover(
        Scene scene, Action occur, Func<InterceptedSend, Task<IReadOnlyList<RespValue>>>? send = null)
    {
        var hasOccurred = false;
        return new InterceptingConnector(scene.Cluster, sending =>
        {
            if (!hasOccurred && sending.Commands.Any(command => InterceptedSend.Text(command).EndsWith("NODE " + scene.Target.Id)))
            {
                hasOccurred = true;
                occur();
            }

            return hasOccurred && send is not null ? send(sending) : sending.ForwardAsync();
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
