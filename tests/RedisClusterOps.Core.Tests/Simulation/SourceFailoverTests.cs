using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A source dies with several open slots, and its replica is elected. On Redis the target imports the slots, so it ignores the claim of the
/// successor, attributes them to the dead node, and refuses the keys of every slot.
/// </summary>
public class SourceFailoverTests
{
    public static TheoryData<string> Servers => ["redis-7.0", "redis-8.6", "redis-8.6, deleting"];

    [Theory]
    [MemberData(nameof(Servers))]
    public void An_importing_target_does_not_learn_the_successor_by_gossip(string server)
    {
        var scene = DeadSource(server);
        Assert.Equal(scene.Source.Index, scene.Target.Owner[SlotMap.MovingPart]);
        Assert.Equal(scene.Source.Index, scene.Target.Owner[SlotMap.BesidePart]);
        Assert.Contains("cluster_state:fail", BareCluster.Ask(scene.Target, "CLUSTER", "INFO"));
    }

    // To correct one slot alone would not help.
    [Theory]
    [MemberData(nameof(Servers))]
    public void One_slot_is_completed_while_another_one_is_still_open(string server)
    {
        var scene = DeadSource(server);
        var started = scene.Cluster.Clock.Now;
        var attempt = Operation.Complete.Run(scene);
        Assert.True(attempt.Succeeded, attempt.ToString());
        Assert.False(scene.IsOpen);
        scene.Cluster.Settle();
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
        Assert.True(scene.Cluster.Clock.Now - started < TimeSpan.FromSeconds(5));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void All_slots_are_moved_in_bulk(string server)
    {
        var scene = DeadSource(server);
        var sends = new List<string>();
        var outcomes = MoveBoth(scene, new InterceptingConnector(scene.Cluster, sending =>
        {
            sends.Add(sending.Endpoint + " " + string.Join(" | ", sending.Commands.Select(InterceptedSend.Text)));
            return sending.ForwardAsync();
        }));
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        Assert.Equal([SlotMap.Moving, SlotMap.Beside], outcomes.Select(outcome => outcome.Result.Slot).Order());
        scene.Cluster.Settle();
        scene.Cluster.Ledger.RequireNothingLost();
        Assert.Empty(scene.Cluster.Ledger.Violations);
        // The target serves the slots all the time: it takes over in the same transaction in which it hides keys.
        Assert.DoesNotContain(sends, send => !send.StartsWith(scene.Target.Endpoint + " MULTI", StringComparison.Ordinal)
            && send.StartsWith(scene.Target.Endpoint.ToString(), StringComparison.Ordinal)
            && send.Contains("STABLE", StringComparison.Ordinal));
    }

    // The process may die after any command: the next run does the rest.
    [Theory]
    [MemberData(nameof(Servers))]
    public void A_bulk_move_that_dies_meanwhile_can_be_resumed(string server)
    {
        for (var at = 1; ; at++)
        {
            var scene = DeadSource(server, seed: at);
            var dying = new MishapConnector(scene.Cluster, at, at % 2 == 0 ? Mishap.DiesBeforeSending : Mishap.DiesBeforeTheReply);
            var first = MoveBoth(scene, dying);
            if (dying.Sends < at)
            {
                Assert.True(at > 30, "The run has too few sends to test.");
                return;
            }

            scene.Cluster.Clock.Pass(TimeSpan.FromMilliseconds(500));
            var outcomes = MoveBoth(scene, scene.Cluster);
            var trace = "Send " + at + ": " + string.Join("; ", first.Concat(outcomes).Select(outcome => outcome.Failure?.Message));
            Assert.True(outcomes.All(outcome => outcome.Failure is null), trace);
            scene.Cluster.Settle();
            scene.Cluster.Ledger.RequireNothingLost();
            Assert.True(scene.Cluster.Ledger.Violations.Count == 0, trace + "\n" + string.Join('\n', scene.Cluster.Ledger.Violations));
            Assert.False(scene.IsOpen, trace);
        }
    }

    // The source owns both single slots and is moving both. Half of the keys of each have moved.
    private static Scene DeadSource(string server, int seed = 1)
    {
        var rules = ServerRules.All.Single(rules => rules.Name == server);
        var scene = new Scene(rules, Start.Migrating, seed, new SceneOptions { TargetHasSlots = true, Clients = 0 });
        var cluster = scene.Cluster;
        cluster.Assign(SlotMap.BesidePart, scene.Source.Index);
        BareCluster.Send(scene.Target, "CLUSTER", "SETSLOT", SlotMap.Beside, "IMPORTING", scene.Source.Id);
        BareCluster.Send(scene.Source, "CLUSTER", "SETSLOT", SlotMap.Beside, "MIGRATING", scene.Target.Id);
        cluster.Nodes[2].Keys.Clear(SlotMap.BesidePart);
        foreach (var (node, ending) in new[] { (scene.Source, "beside"), (scene.Target, "moved") })
        {
            var key = SlotMap.KeyOf(SlotMap.Beside, ending);
            node.Keys.Set(0, SlotMap.BesidePart, key, new StoredValue("stays"));
            cluster.Ledger.Acknowledged(0, key, new StoredValue("stays"));
        }

        scene.Source.Crash();
        foreach (var node in cluster.Nodes)
            node.Failed[scene.Source.Index] = true;
        Assert.NotNull(cluster.FailOver(scene.Source));
        cluster.Clock.Pass(TimeSpan.FromSeconds(3));
        return scene;
    }

    /// <summary>Moves both slots from their present owner to the target.</summary>
    internal static IReadOnlyList<SlotOutcome> MoveBoth(Scene scene, INodeConnector through)
    {
        using var core = new RedisCluster(scene.Session, through, null) { KeepsJournal = false, LooksAhead = false };
        return Operation.ResultOf(MoveAsync());

        async Task<IReadOnlyList<SlotOutcome>> MoveAsync()
        {
            var outcomes = new List<SlotOutcome>();
            try
            {
                var options = new MoveOptions { Method = MoveMethod.KeyByKey, BatchSize = 3 };
                var successor = scene.MasterOf(scene.Source).Id;
                (int, string, string)[] moves =
                    [(SlotMap.Moving, successor, scene.Target.Id), (SlotMap.Beside, successor, scene.Target.Id)];
                var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
                var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
                while (await run.NextAsync() is { } some)
                    outcomes.AddRange(some);
            }
            catch (ProcessDiedException)
            {
            }

            return outcomes;
        }
    }
}
