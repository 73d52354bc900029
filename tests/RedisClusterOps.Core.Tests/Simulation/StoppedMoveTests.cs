using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A stop in the middle of a bulk move: what is finished, what stays open, and how long the run takes to end.</summary>
public class StoppedMoveTests
{
    [Fact]
    public void Keys_of_a_slot_without_a_confirmed_migrating_flag_stay_on_their_source()
    {
        using var stop = new CancellationTokenSource();
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var sent = new ConcurrentQueue<string>();
        var hanging = new LyingConnector(scene.Cluster, async sending =>
        {
            foreach (var command in sending.Commands)
                sent.Enqueue(Sending.Text(command));
            if (!stop.IsCancellationRequested && Sending.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 MIGRATING"))
            {
                stop.Cancel();
                await HangAsync(sending);
            }

            return await sending.GoOnAsync();
        });

        Run(scene, hanging, new MoveOptions { BatchSize = 3 }, stop.Token);

        Assert.DoesNotContain(sent, command => command.StartsWith("MIGRATE ", StringComparison.Ordinal));
        Assert.Equal(scene.Source.Index, scene.Target.Importing[SlotMap.MovingPart]);
        Assert.Equal(SimulatedNode.Nobody, scene.Source.Migrating[SlotMap.MovingPart]);
        AssertResumable(scene);
    }

    // A node that does not answer, until the send is given up; its connection is closed then.
    private static async Task HangAsync(Sending sending)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, sending.Cancellation);
        }
        finally
        {
            sending.Connection.Dispose();
        }
    }

    private static List<SlotOutcome> Run(Scene scene, INodeConnector through, MoveOptions options, CancellationToken stop)
    {
        using var core = new RedisCluster(scene.Session, through, null) { KeepsJournal = false, LooksAhead = false };
        var task = RunAsync();
        Assert.True(((IAsyncResult)task).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(30)), "The run did not end.");
        return task.GetAwaiter().GetResult();

        async Task<List<SlotOutcome>> RunAsync()
        {
            options = options with { Method = MoveMethod.KeyByKey };
            var plan = await core.PlanGoingOnAsync("Move", [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)], options, default);
            var run = await core.RunMovesAsync(plan, plan.Moves, options, stop);
            var outcomes = new List<SlotOutcome>();
            while (await run.NextAsync() is { } some)
                outcomes.AddRange(some);
            return outcomes;
        }
    }

    private static void AssertResumable(Scene scene)
    {
        scene.Cluster.Ledger.RequireNothingLost();
        var (attempts, violations) = Proof.Run(scene, Operation.Move, scene.Cluster);
        Assert.True(violations.Count == 0, string.Join("; ", attempts) + "\n" + string.Join("\n", violations));
    }
}
