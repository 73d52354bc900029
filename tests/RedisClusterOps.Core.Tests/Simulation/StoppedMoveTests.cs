using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A bulk move is stopped: which slots are finished, which stay open, and how long the run takes to end.</summary>
public class StoppedMoveTests(ITestOutputHelper output)
{
    // Two seconds, and some slack for a machine that runs other tests at the same time.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2.5);

    [Fact]
    public void Keys_of_a_slot_without_a_confirmed_migrating_flag_stay_on_their_source()
    {
        using var stop = new CancellationTokenSource();
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var sent = new ConcurrentQueue<string>();
        var hanging = new InterceptingConnector(scene.Cluster, async sending =>
        {
            foreach (var command in sending.Commands)
                sent.Enqueue(InterceptedSend.Text(command));
            if (!stop.IsCancellationRequested && InterceptedSend.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 MIGRATING"))
            {
                stop.Cancel();
                await HangAsync(sending);
            }

            return await sending.ForwardAsync();
        });

        Run(scene, hanging, new MoveOptions { BatchSize = 3 }, stop.Token);

        Assert.DoesNotContain(sent, command => command.StartsWith("MIGRATE ", StringComparison.Ordinal));
        Assert.Equal(scene.Source.Index, scene.Target.Importing[SlotMap.MovingPart]);
        Assert.Equal(SimulatedNode.NoNode, scene.Source.Migrating[SlotMap.MovingPart]);
        AssertResumable(scene);
    }

    // Before the stop there is time for one key. The rest runs in simulated time.
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void The_slot_in_progress_is_drained_at_the_allowed_rate_and_handed_over(int keysPerSecond)
    {
        using var stop = new CancellationTokenSource();
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var stopping = new InterceptingConnector(scene.Cluster, sending =>
        {
            if (sending.Commands.Any(command => InterceptedSend.Is(command, "MIGRATE ")))
                stop.Cancel();
            return sending.ForwardAsync();
        });
        var began = scene.Cluster.Clock.Now;

        Run(scene, stopping, new MoveOptions { BatchSize = 1, MaxKeysPerSecond = keysPerSecond }, stop.Token);

        Assert.False(scene.IsOpen);
        Assert.Equal(scene.Target.Index, scene.Target.Owner[SlotMap.MovingPart]);
        if (keysPerSecond > 0)
            Assert.InRange(scene.Cluster.Clock.Now - began, TimeSpan.FromSeconds(7.0 / keysPerSecond), TimeSpan.MaxValue);
        AssertResumable(scene);
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.4")]
    [InlineData("10.0.0.3")]
    public void A_stop_takes_at_most_two_seconds_while_a_node_hangs(string host)
    {
        using var stop = new CancellationTokenSource();
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var clock = new Stopwatch();
        var hanging = new InterceptingConnector(scene.Cluster, async sending =>
        {
            if (!stop.IsCancellationRequested && sending.Commands.Any(command => InterceptedSend.Is(command, "MIGRATE ")))
            {
                clock.Start();
                stop.Cancel();
            }

            if (stop.IsCancellationRequested && sending.Endpoint.Host == host)
                await HangAsync(sending);
            return await sending.ForwardAsync();
        });

        var outcomes = Run(scene, hanging, new MoveOptions { BatchSize = 3 }, stop.Token);

        output.WriteLine("{0} hangs: ended {1} ms after the stop", host, clock.ElapsedMilliseconds);
        Assert.InRange(clock.Elapsed, TimeSpan.FromTicks(1), Longest);
        Assert.Contains(outcomes, outcome => outcome.Result.Slot == SlotMap.Moving);
        AssertResumable(scene);
    }

    // The node does not reply until the send is cancelled, which closes the connection.
    private static async Task HangAsync(InterceptedSend sending)
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
        return Operation.ResultOf(RunAsync());

        async Task<List<SlotOutcome>> RunAsync()
        {
            options = options with { Method = MoveMethod.KeyByKey };
            (int, string, string)[] moves = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
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
