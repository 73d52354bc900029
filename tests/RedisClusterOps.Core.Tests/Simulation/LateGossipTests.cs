using System;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A gossip message arrives after a SETSLOT that was sent later.</summary>
public class LateGossipTests
{
    private static readonly int[] Stalls = [2, 4, 6, 8, 10, 12, 14];

    // A message of the source from before it took over the slot does not claim it. Then a Valkey importer takes over the slot, and on Redis
    // 7.0 its new owner loses it to the next message that still claims it.
    [Theory]
    [InlineData("redis-7.0", false)]
    [InlineData("redis-7.0", true)]
    [InlineData("redis-8.6", false)]
    [InlineData("valkey-9.1", false)]
    [InlineData("valkey-9.1", true)]
    public void A_slot_returns_only_after_earlier_messages_of_the_target_have_arrived(string server, bool together)
    {
        var rules = ServerRules.All.Single(rules => rules.Name == server);
        var undo = together ? Operation.Named("Undo (RoundTrip), together") : Operation.UndoByRoundTrip;
        // The message may arrive at any moment of the way back.
        for (var round = 0; round < 80 * Stalls.Length; round++)
        {
            // A target with the highest epoch does not raise it, so the source learns nothing of the handover from the epoch.
            var options = new SceneOptions { TargetHasSlots = !rules.DoubtOutlivesOwner, Keys = 16 };
            var scene = new Scene(rules, Start.Migrating, seed: round, options);
            scene.Cluster.Trace = [];
            var (cluster, seen, at, stall) = (scene.Cluster, 0, 1 + (round / Stalls.Length), Stalls[round % Stalls.Length]);
            var late = new InterceptingConnector(cluster, sending =>
            {
                if (++seen == at)
                {
                    // Half of the time the reply arrives earlier than the message with which the target announces its slots.
                    cluster.Stall(scene.Target.Index, TimeSpan.FromMilliseconds(stall));
                    if (round % 2 == 0)
                        cluster.Stall(scene.Target.Index, TimeSpan.FromMilliseconds(4 * stall), repliesToo: false);
                    var message = scene.Target.CreateMessage(wantsReply: false);
                    cluster.Send(scene.Target.Index, scene.Source.Index, message, isReply: true);
                }

                return sending.ForwardAsync();
            });
            var (attempts, violations) = Proof.Run(scene, undo, late);
            Assert.DoesNotContain(cluster.Trace!, happened => happened.Contains(scene.Source + " claims part", StringComparison.Ordinal));
            var description = "late by " + stall + " ms at send " + at + ": " + string.Join("; ", attempts);
            Assert.True(violations.Count == 0, description + "\n" + string.Join("\n", violations));
        }
    }
}
