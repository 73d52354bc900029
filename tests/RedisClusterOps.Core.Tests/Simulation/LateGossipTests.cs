using System;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A gossip message arrives after a SETSLOT that was sent later.</summary>
public class LateGossipTests
{
    private static readonly int[] Stalls = [2, 4, 6, 8, 10, 12, 14];

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
