using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>However a bulk move ends, each slot that it touched has a result, and the next action is to resume the run.</summary>
public class EndedRunTests(ITestOutputHelper output)
{
    private const int MostSends = 200;

    public enum Ending
    {
        /// <summary>Every connection breaks, and no node can be reached any more.</summary>
        NoNodeIsReachable,

        /// <summary>The user's password is no longer valid.</summary>
        PasswordIsRevoked,

        /// <summary>The module fails in a way that no code foresees.</summary>
        ModuleFails,
    }

    [Theory]
    [InlineData(Ending.NoNodeIsReachable)]
    [InlineData(Ending.PasswordIsRevoked)]
    [InlineData(Ending.ModuleFails)]
    public void Each_slot_has_a_result_and_can_be_resumed(Ending ending)
    {
        for (var at = 1; at < MostSends; at++)
        {
            var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
            var (sends, hasFailed) = (0, false);
            var through = new InterceptingConnector(scene.Cluster, sending =>
            {
                if (++sends < at)
                    return sending.ForwardAsync();
                hasFailed = true;
                throw Failure(ending, sending.Endpoint);
            });
            var (outcomes, failure) = Run(scene, through);
            if (!hasFailed)
            {
                output.WriteLine("{0} sends", at - 1);
                Assert.True(at > 20, "The run has too few sends to test.");
                return;
            }

            var isTouched = outcomes is not null;
            if (!isTouched)
                continue;
            Assert.Contains(outcomes!, outcome => outcome.Result.Slot == SlotMap.Moving);
            foreach (var failed in outcomes!.Where(outcome => outcome.Failure is { Code: not FailureCode.ClusterViewConflict }))
                Assert.True(failed.Failure!.Next?.Code == NextActionCode.Resume, "Send " + at + ": " + failed.Failure);
            if (failure is RedisOperationException known)
                Assert.Equal(NextActionCode.Resume, known.Next?.Code);
        }

        Assert.Fail("The run did not end.");
    }

    private static Exception Failure(Ending ending, NodeEndpoint node) => ending switch
    {
        Ending.NoNodeIsReachable => new RedisConnectionException(FailureCode.ConnectionFailed, node, node + " did not answer.", true),
        Ending.PasswordIsRevoked =>
            new RedisConnectionException(FailureCode.AuthenticationFailed, node, node + " refused the password.", false),
        _ => new InvalidOperationException("A fault of the module."),
    };

    /// <returns>The outcomes, or null if the run did not begin; and what ended it.</returns>
    private static (IReadOnlyList<SlotOutcome>? Outcomes, Exception? Failure) Run(Scene scene, INodeConnector through)
    {
        using var core = new RedisCluster(scene.Session, through, null) { KeepsJournal = false, LooksAhead = false };
        return Operation.ResultOf(RunAsync());

        async Task<(IReadOnlyList<SlotOutcome>?, Exception?)> RunAsync()
        {
            var options = new MoveOptions { Method = MoveMethod.KeyByKey, BatchSize = 3 };
            (int, string, string)[] moves = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            List<SlotOutcome>? outcomes = null;
            try
            {
                var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
                var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
                outcomes = [];
                while (await run.NextAsync() is { } some)
                    outcomes.AddRange(some);
                return (outcomes, null);
            }
            catch (Exception failure) when (failure is RedisOperationException or InvalidOperationException)
            {
                return (outcomes, failure);
            }
        }
    }
}
