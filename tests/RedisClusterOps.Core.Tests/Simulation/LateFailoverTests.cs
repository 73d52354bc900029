using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>An end of a slot fails over when all but the last look is done: stories that random histories once found broken.</summary>
public class LateFailoverTests
{
    // Told that the old master owns the slot, a node that knows better would send its clients there again. When it comes back it claims the slot itself,
    // until it hears of its successor.
    [Theory]
    [InlineData(null)]
    [InlineData(1050)]
    [InlineData(1100)]
    public void Nobody_is_told_of_a_target_that_died_before_the_proof_and_has_a_successor(int? comesBackAfter)
    {
        var followed = 0;
        for (var sends = 1; sends <= 120; sends++)
        {
            var scene = new Scene(ServerRules.Valkey91, Start.Stable, seed: sends, new SceneOptions { TargetHasSlots = true });
            var target = scene.Target;
            var told = new List<string>();
            var dies = At(scene, sends, () => DieAndBeReplaced(scene, target, comesBackAfter), sending =>
            {
                if (HasSuccessor(scene, target))
                    told.AddRange(sending.Commands.Where(command => Sending.Text(command).EndsWith("NODE " + target.Id, StringComparison.Ordinal)).Select(command => sending.Endpoint + " " + command));
            });
            var outcome = Operation.Move.Run(scene, dies);
            Assert.True(told.Count == 0, "at send " + sends + ": " + string.Join("; ", told));
            followed += outcome.Succeeded && HasSuccessor(scene, target) ? 1 : 0;
        }

        Assert.True(followed > 0, "No run met the failover and came to its end.");
    }

    // Redis 8.4 and later: the successor of an importing target has no flag, so it hides what had been imported, and counts none of it.
    [Fact]
    public void An_undo_brings_home_what_the_targets_successor_hides()
    {
        for (var sends = 1; sends <= 120; sends++)
        {
            var scene = new Scene(ServerRules.Redis86, Start.Migrating, seed: sends, new SceneOptions { TargetHasSlots = true });
            scene.Traffic.Suspend();
            var failsOver = At(scene, sends, () => scene.Cluster.FailOver(scene.MasterOf(scene.Target)));
            var (attempts, violations) = Proof.Run(scene, Operation.UndoByPullBack, failsOver);
            Assert.True(violations.Count == 0, "at send " + sends + ": " + string.Join("; ", attempts) + "\n" + string.Join("\n", violations.Take(6)));
        }
    }

    // Also while the old one, back again, still takes itself for the master.
    private static bool HasSuccessor(Scene scene, SimulatedNode master) =>
        scene.Cluster.Nodes.Any(node => node != master && node.IsUp && node.IsMaster && scene.Cluster.SameShard(node.Index, master.Index));

    private static void DieAndBeReplaced(Scene scene, SimulatedNode master, int? comesBackAfter)
    {
        master.Crash();
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), () => scene.Cluster.FailOver(master));
        if (comesBackAfter is { } milliseconds)
            scene.Cluster.Clock.After(TimeSpan.FromMilliseconds(milliseconds), () =>
            {
                scene.Cluster.Stall(master.Index, TimeSpan.FromMilliseconds(200));
                master.Start();
            });
    }

    private static LyingConnector At(Scene scene, int sends, Action happens, Action<Sending>? sees = null)
    {
        var seen = 0;
        return new LyingConnector(scene.Cluster, sending =>
        {
            if (++seen == sends)
            {
                scene.Cluster.Note("it happens");
                happens();
            }

            sees?.Invoke(sending);
            return sending.GoOnAsync();
        });
    }
}
