using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A bulk move makes the target the owner of many slots in one transaction, so the target announces them once.</summary>
public class JointTakeoverTests
{
    private const string Denied = "NOPERM User operator has no permissions to run the command";

    [Fact]
    public void All_but_the_last_slot_are_stable_first_and_the_epoch_is_raised_before_any_slot_changes_its_owner()
    {
        var (scene, sends) = (TwoSlots(ServerRules.Redis70), new List<string>());
        Move(scene, sends, sending => sending.ForwardAsync());

        var target = scene.Target.Id;
        string[] expected =
        [
            "MULTI", "CLUSTER BUMPEPOCH", Set(SlotMap.Moving, "STABLE"), Set(SlotMap.Moving, "NODE " + target),
            Set(SlotMap.Beside, "NODE " + target), "EXEC",
        ];
        Assert.Equal(expected, sends.Single(send => send.Contains("BUMPEPOCH", StringComparison.Ordinal)).Split(" | "));
    }

    // STABLE deletes imported keys on Redis 8.6. Valkey 8 and later waits for replicas at each SETSLOT.
    [Theory]
    [InlineData("redis-8.6, deleting")]
    [InlineData("valkey-9.1")]
    public void Other_servers_are_sent_one_change_for_each_slot(string server)
    {
        var (scene, sends) = (TwoSlots(ServerRules.All.Single(rules => rules.Name == server)), new List<string>());
        Move(scene, sends, sending => sending.ForwardAsync());
        AssertSingle(sends);
    }

    // A master in a failover delays a transaction with a command that may write, and then refuses it. Where STABLE deletes keys, the
    // transaction has no other use.
    [Theory]
    [InlineData("redis-7.0")]
    [InlineData("redis-8.6, deleting")]
    public void A_target_with_replicas_takes_over_only_while_it_serves_a_key_of_its_own(string server)
    {
        var rules = ServerRules.All.Single(rules => rules.Name == server);
        var (scene, sends) = (TwoSlots(rules, replicas: true), new List<string>());
        Move(scene, sends, sending => sending.ForwardAsync());

        var takeover = sends.Single(send => send.Contains("NODE " + scene.Target.Id, StringComparison.Ordinal)).Split(" | ");
        Assert.Equal("MULTI", takeover[0]);
        Assert.StartsWith("PFCOUNT redisclusterops-takeover:", takeover[1]);
        var key = SlotMap.Bytes(takeover[1].Split(' ')[1]);
        Assert.Equal(scene.Target.Index, scene.Target.Owner[SlotMap.PartOf(key)]);
        Assert.Equal(rules == ServerRules.Redis70, takeover.Any(command => command.EndsWith("STABLE", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("MULTI")]
    [InlineData("EXEC")]
    [InlineData("PFCOUNT")]
    public void A_target_with_replicas_is_sent_one_change_for_each_slot_without_the_right_to_the_transaction(string right)
    {
        var (scene, sends) = (TwoSlots(ServerRules.Redis70, replicas: true), new List<string>());
        Move(scene, sends, sending => DenyAsync(sending, right));
        AssertSingle(sends);
    }

    [Theory]
    [InlineData("MULTI")]
    [InlineData("EXEC")]
    [InlineData("CLUSTER BUMPEPOCH")]
    public void Without_the_right_to_a_command_of_the_transaction_each_slot_is_a_change_of_its_own(string right)
    {
        var (scene, sends) = (TwoSlots(ServerRules.Redis70), new List<string>());
        Move(scene, sends, sending => DenyAsync(sending, right));
        if (right == "CLUSTER BUMPEPOCH")
            Assert.Contains(sends, send => send.EndsWith("EXEC", StringComparison.Ordinal));
        else
            AssertSingle(sends);
    }

    // Then nothing announces the slots, and only their epoch protects them from the source, which still claims them.
    [Fact]
    public void The_target_wins_although_another_tool_clears_the_flag_of_the_last_slot_at_that_moment()
    {
        var (scene, sends) = (TwoSlots(ServerRules.Redis70, highSourceEpoch: true), new List<string>());
        var cleared = false;
        Move(scene, sends, async sending =>
        {
            if (!IsTakeover(sending))
                return await sending.ForwardAsync();
            cleared = true;
            BareCluster.Send(scene.Target, "CLUSTER", "SETSLOT", SlotMap.Beside, "STABLE");
            var replies = await sending.ForwardAsync();
            await sending.Connector.Clock.PauseAsync(TimeSpan.FromSeconds(5), default);
            return replies;
        });
        Assert.True(cleared);
    }

    private static bool IsTakeover(InterceptedSend sending) =>
        InterceptedSend.Is(sending.Commands[0], "MULTI") && sending.Commands.Any(command => InterceptedSend.Is(command, "CLUSTER SETSLOT"));

    private static void AssertSingle(IEnumerable<string> sends)
    {
        Assert.DoesNotContain(sends, send => send.Contains("STABLE", StringComparison.Ordinal));
        Assert.Contains(sends, send => send.StartsWith("CLUSTER SETSLOT", StringComparison.Ordinal)
            && send.Contains(" NODE ", StringComparison.Ordinal));
    }

    // A server refuses a command of a transaction when it is sent, and then the whole transaction. Outside of one, it runs the others.
    internal static async Task<IReadOnlyList<RespValue>> DenyAsync(InterceptedSend sending, string right)
    {
        if (!sending.Commands.Any(command => InterceptedSend.Is(command, right)))
            return await sending.ForwardAsync();
        var replies = new List<RespValue>();
        foreach (var command in sending.Commands)
        {
            var isDenied = InterceptedSend.Is(command, right);
            var isDiscarded = right is "CLUSTER BUMPEPOCH" or "PFCOUNT" && InterceptedSend.Is(command, "EXEC");
            var sent = isDiscarded ? RespCommand.Of("DISCARD") : command;
            var reply = isDenied ? RespValue.Error(Denied) : (await sending.ForwardAsync([sent]))[0];
            replies.Add(isDiscarded ? RespValue.Error("EXECABORT Transaction discarded because of previous errors.") : reply);
        }

        return replies;
    }

    private static string Set(int slot, string action) => "CLUSTER SETSLOT " + slot + " " + action;

    internal static Scene TwoSlots(ServerRules rules, bool highSourceEpoch = false, bool replicas = false)
    {
        var options = new SceneOptions { TargetHasSlots = true, Clients = 0, HighSourceEpoch = highSourceEpoch, Replicas = replicas };
        var scene = new Scene(rules, Start.Stable, seed: 1, options);
        scene.Cluster.Assign(SlotMap.BesidePart, scene.Source.Index);
        var key = SlotMap.KeyOf(SlotMap.Beside, "beside");
        scene.Source.Keys.Set(0, SlotMap.BesidePart, key, new StoredValue("stays"));
        scene.Cluster.Ledger.Acknowledged(0, key, new StoredValue("stays"));
        return scene;
    }

    // Every case ends with both slots on the target, and with every key.
    private static void Move(Scene scene, List<string> sends, Func<InterceptedSend, Task<IReadOnlyList<RespValue>>> intercept)
    {
        var outcomes = SourceFailoverTests.MoveBoth(scene, new InterceptingConnector(scene.Cluster, sending =>
        {
            if (sending.Endpoint == scene.Target.Endpoint)
                sends.Add(string.Join(" | ", sending.Commands.Select(InterceptedSend.Text)));
            return intercept(sending);
        }));
        Assert.Equal([SlotMap.Moving, SlotMap.Beside], outcomes.Select(outcome => outcome.Result.Slot).Order());
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        scene.Cluster.Settle();
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
    }
}
