using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The source or the target fails over near the end of a run: cases that random histories once found broken.</summary>
public class LateFailoverTests
{
    // A node that knows the successor would redirect its clients to the old master again if SETSLOT named that one as the owner. When the
    // old master restarts, it claims the slot until it learns of its successor.
    [Theory]
    [InlineData(null)]
    [InlineData(1050)]
    [InlineData(1100)]
    public void A_dead_target_with_a_successor_is_not_announced_as_owner(int? restartsAfter)
    {
        var followed = 0;
        for (var sends = 1; sends <= 120; sends++)
        {
            var scene = new Scene(ServerRules.Valkey91, Start.Stable, seed: sends, new SceneOptions { TargetHasSlots = true });
            var target = scene.Target;
            var assignments = new List<string>();
            var dies = At(scene, sends, () => DieAndBeReplaced(scene, target, restartsAfter), sending =>
            {
                if (HasSuccessor(scene, target))
                {
                    var wrong = sending.Commands.Where(
                        command => InterceptedSend.Text(command).Contains("NODE " + target.Id, StringComparison.Ordinal));
                    assignments.AddRange(wrong.Select(command => sending.Endpoint + " " + command));
                }
            });
            var outcome = Operation.Move.Run(scene, dies);
            Assert.True(assignments.Count == 0, "at send " + sends + ": " + string.Join("; ", assignments));
            followed += outcome.Succeeded && HasSuccessor(scene, target) ? 1 : 0;
        }

        Assert.True(followed > 0, "No run with a failover succeeded.");
    }

    // On Redis 8.4 and later the successor of an importing target has no flag, so it hides the imported keys and counts none.
    [Fact]
    public void An_undo_returns_keys_that_the_successor_of_the_target_hides()
    {
        for (var sends = 1; sends <= 120; sends++)
        {
            var scene = new Scene(ServerRules.Redis86, Start.Migrating, seed: sends, new SceneOptions { TargetHasSlots = true });
            scene.Traffic.Suspend();
            var failsOver = At(scene, sends, () => scene.Cluster.FailOver(scene.MasterOf(scene.Target)));
            var (attempts, violations) = Proof.Run(scene, Operation.UndoByPullBack, failsOver);
            var description = "at send " + sends + ": " + string.Join("; ", attempts) + "\n" + string.Join("\n", violations.Take(6));
            Assert.True(violations.Count == 0, description);
        }
    }

    // A run ended after it had handed the slot over, and the target's replica took its place. The old master learns it at some moment of
    // the resumed run: before it begins, so that it refuses the plan, in its middle, or after it has refused the contested slot.
    [Fact]
    public void A_resumed_run_finds_its_slot_on_the_successor_of_a_target_that_learns_it_late()
    {
        var done = 0;
        for (var milliseconds = 2; milliseconds <= 120; milliseconds += 2)
        {
            var layout = new SceneOptions { TargetHasSlots = true, Clients = 0 };
            var scene = new Scene(ServerRules.Redis70, Start.FinishedOnTarget, seed: milliseconds, layout);
            scene.Cluster.Settle();
            Assert.True(Operation.Complete.Run(scene).Succeeded);
            var replica = scene.Cluster.Nodes.Single(node => !node.IsMaster && scene.Cluster.SameShard(node.Index, scene.Target.Index));
            scene.Cluster.Stall(scene.Target.Index, TimeSpan.FromMilliseconds(milliseconds));
            replica.TakeOver();
            if (Resume(scene, new Dictionary<string, string> { [replica.Id] = scene.Target.Id }) is not { } outcomes)
                continue;
            var failure = Assert.Single(outcomes).Failure;
            Assert.True(failure?.Code is null or FailureCode.SlotStateUnsuitable, milliseconds + " ms: " + failure);
            done += failure is null ? 1 : 0;
        }

        Assert.InRange(done, 1, 59);
    }

    /// <returns>The outcomes; null if the plan was stale before the run began.</returns>
    private static IReadOnlyList<SlotOutcome>? Resume(Scene scene, IReadOnlyDictionary<string, string> masterOfReplica)
    {
        var journal = Directory.CreateTempSubdirectory("redisclusterops-test-").FullName;
        using var core = new RedisCluster(scene.Session, scene.Cluster, null) { LooksAhead = false };
        var outcomes = Operation.ResultOf(ResumeAsync());
        // A resume of this run finds the successor, too.
        Assert.All(RedisCluster.GetMigrations(journal, null), run => Assert.True(masterOfReplica.All(run.MasterOfReplica!.Contains)));
        Directory.Delete(journal, recursive: true);
        return outcomes;

        async Task<IReadOnlyList<SlotOutcome>?> ResumeAsync()
        {
            var taken = new List<SlotOutcome>();
            var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = journal };
            (int, string, string)[] moves = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
            try
            {
                var run = await core.RunMovesAsync(plan with { MasterOfReplica = masterOfReplica }, plan.Moves, options, default);
                while (await run.NextAsync() is { } some)
                    taken.AddRange(some);
                return taken;
            }
            catch (RedisOperationException stale) when (stale.Code == FailureCode.StalePlan)
            {
                return null;
            }
        }
    }

    // True also while the restarted old master still believes that it is the master.
    private static bool HasSuccessor(Scene scene, SimulatedNode master) =>
        scene.Cluster.Nodes.Any(node => node != master && node.IsUp && node.IsMaster && scene.Cluster.SameShard(node.Index, master.Index));

    private static void DieAndBeReplaced(Scene scene, SimulatedNode master, int? restartsAfter)
    {
        master.Crash();
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), () => scene.Cluster.FailOver(master));
        if (restartsAfter is { } milliseconds)
            scene.Cluster.Clock.After(TimeSpan.FromMilliseconds(milliseconds), () =>
            {
                scene.Cluster.Stall(master.Index, TimeSpan.FromMilliseconds(200));
                master.Start();
            });
    }

    private static InterceptingConnector At(Scene scene, int sends, Action occur, Action<InterceptedSend>? observe = null)
    {
        var seen = 0;
        return new InterceptingConnector(scene.Cluster, sending =>
        {
            if (++seen == sends)
            {
                scene.Cluster.Note("the event occurs");
                occur();
            }

            observe?.Invoke(sending);
            return sending.ForwardAsync();
        });
    }
}
