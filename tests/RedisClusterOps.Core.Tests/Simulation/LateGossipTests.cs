using System;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>What a node said earlier is heard later than what it was told since.</summary>
public class LateGossipTests
{
    private static readonly int[] Stalls = [2, 4, 6, 8, 10, 12, 14];

    // Valkey: an importer takes what its source does not claim. What the source said before it was given the slot does not claim it.
    [Fact]
    public void A_slot_goes_back_only_when_its_origin_has_heard_what_the_target_said_before()
    {
        // The word may come at any moment of the way back.
        for (var round = 0; round < 80 * Stalls.Length; round++)
        {
            var scene = new Scene(ServerRules.Valkey91, Start.Migrating, seed: round, new SceneOptions { TargetHasSlots = true, Keys = 16 });
            scene.Cluster.Trace = [];
            var (cluster, seen, at, stall) = (scene.Cluster, 0, 1 + (round / Stalls.Length), Stalls[round % Stalls.Length]);
            var late = new LyingConnector(cluster, sending =>
            {
                if (++seen == at)
                {
                    cluster.Stall(scene.Target.Index, TimeSpan.FromMilliseconds(stall));
                    cluster.Send(scene.Target.Index, scene.Source.Index, scene.Target.Speak(wantsReply: false));
                }

                return sending.GoOnAsync();
            });
            var (attempts, violations) = Proof.Run(scene, Operation.UndoByRoundTrip, late);
            Assert.DoesNotContain(cluster.Trace!, happened => happened.Contains(scene.Source + " claims part", StringComparison.Ordinal));
            Assert.True(violations.Count == 0, "late by " + stall + " ms at send " + at + ": " + string.Join("; ", attempts) + "\n" + string.Join("\n", violations));
        }
    }
}
