using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Crashes;

/// <summary>
/// Our process dies at its first, second, third … send, before the server gets it or after it did it; then somebody runs the same
/// command again. Whatever the moment: the slot ends at the target, closed, and every key is there.
/// </summary>
[Collection(nameof(SharedClusters))]
public sealed class CrashAtEveryCommandTests(SharedClusters clusters)
{
    private const int Keys = 20;

    // Every moment takes minutes over all servers, so a usual run takes every sixth, from another one on in each case. RCO_PROOF=full takes them all.
    private static readonly int Step = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 1 : 6;

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
                    // Valkey's target takes a slot that the source gave away by itself, within half a second: no time to crash in.
                    if (start == "FinishedOnSource" && server.Data.StartsWith("valkey", StringComparison.Ordinal))
                        continue;
                    foreach (var death in new[] { Death.BeforeSending, Death.AfterTheServerDidIt })
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
    public async Task Completing_again_after_a_crash_loses_nothing(string server, string start, Death death)
    {
        var died = true;
        var sends = DyingConnector.FirstMoment(Step, server, start, death);
        for (; died; sends += Step)
        {
            var scene = await clusters.SceneAsync(server);
            await BringIntoAsync(scene, start);
            died = await CompleteUntilDeathAsync(scene, sends, death);
            // Nothing is lost while nobody has come back yet, and nothing once somebody has.
            if (start != "FinishedOnSource" && await scene.ShownAsync() is { State: not RedisOpenSlotState.MigratingOnly })
                await scene.AssertKeysAsync();
            await CompleteWhatIsLeftAsync(scene);
            await scene.AssertClosedAsync();
        }

        // Reading the nodes, the flags, the keys, the cut-over, the proof: fewer sends would mean that the run was not looked at.
        Assert.True(sends > 20 + Step, "The run was through before it had sent " + (sends - Step) + " times.");
    }

    private static async Task CompleteWhatIsLeftAsync(SlotScene scene)
    {
        try
        {
            await scene.CompleteSurelyAsync();
        }
        catch (RedisOperationException closed) when (closed.Code == FailureCode.SlotNotOpen)
        {
            // The run had come so far that nothing was left but what the nodes tell each other.
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
            // Small batches, so that there are several to die between.
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
