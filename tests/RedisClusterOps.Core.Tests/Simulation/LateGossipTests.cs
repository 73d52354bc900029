using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A gossip message arrives after a SETSLOT that was sent later.</summary>
public class LateGossipTests
{
    private static readonly int[] Stalls = [2, 4, 6, 8, 10, 12, 14];

    // Redis 7.0 loses a slot that its former owner has taken back to the next message that still claims it. The simulation does not have
    // this rule; UndoOfManySlotsTests met it on a loaded machine.
    [Theory]
    [InlineData("redis-7.0", false, true)]
    [InlineData("redis-7.0", true, true)]
    [InlineData("redis-8.6", false, false)]
    [InlineData("redis-8.6", true, false)]
    public void An_undo_waits_for_earlier_messages_before_the_slot_returns(string server, bool together, bool waits)
    {
        var rules = ServerRules.All.Single(rules => rules.Name == server);
        var scene = new Scene(rules, Start.Migrating, seed: 1, new SceneOptions { TargetHasSlots = true });
        var sends = new List<string>();
        var through = new InterceptingConnector(scene.Cluster, sending =>
        {
            sends.AddRange(sending.Commands.Select(command => sending.Endpoint + " " + InterceptedSend.Text(command)));
            return sending.ForwardAsync();
        });
        var undo = together ? Operation.Named("Undo (RoundTrip), together") : Operation.UndoByRoundTrip;
        Assert.True(undo.Run(scene, through).Succeeded);
        var assigned = sends.FindIndex(send => send.Contains("NODE " + scene.Target.Id, StringComparison.Ordinal));
        var returns = sends.FindIndex(send => send.Contains("IMPORTING " + scene.Target.Id, StringComparison.Ordinal));
        Assert.InRange(assigned, 0, returns);
        Assert.Equal(waits, sends[assigned..returns].Contains(scene.Target.Endpoint + " CLUSTER LINKS"));
    }

    // A Valkey importer takes over a slot that its source does not claim. A message of the source from before it took over the slot does
    // not claim it.
    [Fact]
    public void A_slot_moves_back_only_after_earlier_messages_of_the_target_have_arrived()
    {
        // The message may arrive at any moment of the way back.
        for (var round = 0; round < 80 * Stalls.Length; round++)
        {
            var scene = new Scene(
                ServerRules.Valkey91, Start.Migrating, seed: round, new SceneOptions { TargetHasSlots = true, Keys = 16 });
            scene.Cluster.Trace = [];
            var (cluster, seen, at, stall) = (scene.Cluster, 0, 1 + (round / Stalls.Length), Stalls[round % Stalls.Length]);
            var late = new InterceptingConnector(cluster, sending =>
            {
                if (++seen == at)
                {
                    cluster.Stall(scene.Target.Index, TimeSpan.FromMilliseconds(stall));
                    cluster.Send(scene.Target.Index, scene.Source.Index, scene.Target.CreateMessage(wantsReply: false));
                }

                return sending.ForwardAsync();
            });
            var (attempts, violations) = Proof.Run(scene, Operation.UndoByRoundTrip, late);
            Assert.DoesNotContain(cluster.Trace!, happened => happened.Contains(scene.Source + " claims part", StringComparison.Ordinal));
            var description = "late by " + stall + " ms at send " + at + ": " + string.Join("; ", attempts);
            Assert.True(violations.Count == 0, description + "\n" + string.Join("\n", violations));
        }
    }
}
