using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Crashes;

/// <summary>
/// Our process dies at the first, second, third … send, before the server receives it or after the server ran it. Then the same command
/// runs again. At any moment, the slot ends closed on the target with every key.
/// </summary>
[Collection(nameof(SharedClusters))]
public sealed class CrashAtEveryCommandTests(SharedClusters clusters)
{
    private const int Keys = 20;

    // All moments on all servers take minutes. A short proof tests every fifteenth, with a different offset in each case. RCO_PROOF=full
    // tests all.
    private static readonly int Step = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 1 : 15;

    public static TheoryData<string, string, Death> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, Death>();
            foreach (var server in Servers.RedisAndValkey)
            {
                var index = 0;
                foreach (var start in new[] { "ImportingOnly", "MigratingOnly", "Migrating", "Drained", "FinishedOnSource" })
                {
                    // A Valkey target takes over a slot that the source handed over within half a second, which leaves no time for a crash.
                    if (start == "FinishedOnSource" && server.Data.StartsWith("valkey", StringComparison.Ordinal))
                        continue;
                    foreach (var death in new[] { Death.BeforeSending, Death.AfterExecution })
                    {
                        if (Servers.IsTaken(server.Data, index++))
                            cases.Add(server.Data, start, death);
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_second_completion_after_a_crash_loses_nothing(string server, string start, Death death)
    {
        var died = true;
        var sends = DyingConnector.FirstMoment(Step, server, start, death);
        for (; died; sends += Step)
        {
            var scene = await clusters.SceneAsync(server);
            await BringIntoAsync(scene, start);
            died = await CompleteUntilDeathAsync(scene, sends, death);
            // No key is lost before the second run, and none after it.
            if (start != "FinishedOnSource" && await scene.ShownAsync() is { State: not RedisOpenSlotState.MigratingOnly })
                await scene.AssertKeysAsync();
            await CompleteAgainAsync(scene);
            await scene.AssertClosedAsync();
        }

        // Reading nodes, flags and keys, the handover and the verification take more sends than this. Fewer would mean that nothing was
        // tested.
        Assert.True(sends > 20 + Step, "The run finished with only " + (sends - Step) + " sends.");
    }

    private static async Task CompleteAgainAsync(SlotScene scene)
    {
        try
        {
            await scene.CompleteSuccessfullyAsync();
        }
        catch (RedisOperationException closed) when (closed.Code == FailureCode.SlotNotOpen)
        {
            // Only gossip was left.
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        }
    }

    private static async Task BringIntoAsync(SlotScene scene, string start)
    {
        switch (start)
        {
            case "ImportingOnly":
                await scene.WriteAsync(Keys);
                await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Source);
                break;
            case "MigratingOnly":
                await scene.WriteAsync(Keys);
                await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
                break;
            case "Migrating":
                await scene.WedgeAsync(Keys, moved: 7);
                break;
            case "Drained":
                await scene.WedgeAsync(Keys, moved: Keys);
                break;
            case "FinishedOnSource":
                await scene.WedgeAsync(Keys, moved: Keys);
                await scene.SetSlotAsync(scene.Source, "NODE", scene.Target);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(start), start, null);
        }

        Assert.Equal(start, (await scene.ShownAsync())?.State.ToString());
    }

    private static async Task<bool> CompleteUntilDeathAsync(SlotScene scene, int sends, Death death)
    {
        var session = new RedisClusterSession([scene.Target.Endpoint], scene.Cluster.Connection);
        var connector = new DyingConnector(new NodeConnector(session.Options), sends, death);
        using var core = new RedisCluster(session, connector, null);
        try
        {
            // Small batches, so that the process can die between them.
            var plan = await core.PlanCompletionAsync(scene.Slot, null, null, new MoveOptions { BatchSize = 5 }, default);
            var outcome = await core.CarryOutAsync(plan, default);
            Assert.Equal(MigrationOutcome.Completed, outcome.Result.Outcome);
        }
        catch (ProcessDiedException)
        {
            Assert.True(connector.HasDied);
        }

        return connector.HasDied;
    }
}
